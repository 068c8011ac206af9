/*
 * device_files.c: mappings by name. There are as many as there are packages being rolled out, so a
 * list is enough, the one asked for last in front.
 */
#include "updater/kedged/device_files.h"

#include <kedge/lwm2m.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kedge_device_file {
    struct kedge_device_file *next;
    char name[2 * KEDGE_SHA256_SIZE + 1];
    struct kedge_package_mapping mapping;
};

/* Where the pointer to the file stands; NULL when it is not mapped. */
static struct kedge_device_file **find(struct kedge_device_files *files, const char *name)
{
    for (struct kedge_device_file **at = &files->first; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0)
            return at;
    return NULL;
}

static struct kedge_device_file *take_out(struct kedge_device_file **at)
{
    struct kedge_device_file *file = *at;
    *at = file->next;
    return file;
}

static struct kedge_device_file *map(const char *folder, const char *name)
{
    struct kedge_device_file *file = calloc(1, sizeof(*file));
    if (file == NULL || kedge_package_map(folder, name, &file->mapping) != KEDGE_OK) {
        free(file);
        return NULL;
    }
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    return file;
}

bool kedge_device_files_find(struct kedge_device_files *files, const char *name,
                             struct kedge_blob *blob)
{
    struct kedge_device_file **at = find(files, name);
    struct kedge_device_file *file = at != NULL ? take_out(at) : map(files->folder, name);
    if (file == NULL)
        return false;
    file->next = files->first;
    files->first = file;
    *blob = (struct kedge_blob){
        .bytes = file->mapping.bytes,
        .etag = kedge_slice(file->mapping.etag, sizeof(file->mapping.etag)),
        .content_format = KEDGE_LWM2M_FORMAT_OPAQUE,
    };
    return true;
}

static void drop(struct kedge_device_file *file)
{
    kedge_package_unmap(&file->mapping);
    free(file);
}

void kedge_device_files_forget(struct kedge_device_files *files, const char *name)
{
    struct kedge_device_file **at = find(files, name);
    if (at != NULL)
        drop(take_out(at));
}

void kedge_device_files_clear(struct kedge_device_files *files)
{
    while (files->first != NULL)
        drop(take_out(&files->first));
}
