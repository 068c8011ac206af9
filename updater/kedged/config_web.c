/* config_web.c: the options about HTTP, HTTPS and downloads, checked. */
#define _GNU_SOURCE
#include "updater/kedged/config_check.h"

#include "updater/api/api.h"
#include "updater/lwm2m/update.h"
#include "updater/net/net.h"

#include <string.h>

static bool is_loopback(const char *host)
{
    struct kedge_address address;
    return kedge_address_from_host(host, 0, &address) == KEDGE_OK &&
           kedge_address_is_loopback(&address);
}

/* The token that every request carries must not travel over a network unencrypted. */
static bool check_http(const struct kedge_config *config)
{
    char host[KEDGE_CONFIG_TEXT_MAX];
    uint16_t port;
    if (config->insecure_http || config->http[0] == '\0' ||
        kedge_config_split_address(config->http, host, sizeof host, &port) != KEDGE_OK ||
        is_loopback(host))
        return true;
    fprintf(stderr,
            "kedged: --http %s: without TLS the API is served on loopback only (127.0.0.1 or\n"
            "[::1]); --insecure-http serves it there all the same, token and all;\n"
            "--https serves it with TLS\n",
            config->http);
    return false;
}

/*
 * What stands in every Package URI, which has 255 bytes at most (LwM2M 1.1, /5/0/1): a scheme, a
 * host and perhaps a path, in the characters of RFC 3986, without a user, a query and a fragment.
 */
static bool check_download_base(struct kedge_config *config)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~:/[]!$&'()*+,;=%";
    char *url = config->download_base_url;
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t size = strlen(url);
    if (size == 0)
        return true;
    while (size > 0 && url[size - 1] == '/')
        url[--size] = '\0';
    if (scheme > 0 && size > scheme && strchr("/:", url[scheme]) == NULL &&
        strspn(url, allowed) == size && size <= KEDGE_UPDATE_BASE_URI_MAX)
        return true;
    fprintf(
        stderr,
        "kedged: --download-base-url %s: write it as https://cdn.example/kedge (or http://), of "
        "at most %u characters, without a user, \"?\" and \"#\"\n",
        url, KEDGE_UPDATE_BASE_URI_MAX);
    return false;
}

static bool check_proxies(const struct kedge_config *config)
{
    if (kedge_api_proxies_valid(config->trusted_proxy))
        return true;
    fprintf(stderr, "kedged: --trusted-proxy %s: write it as 192.0.2.1,10.0.0.0/8,2001:db8::/32\n",
            config->trusted_proxy);
    return false;
}

/* The files themselves are looked at when the server opens them, and by --check-config. */
static bool check_tls_files(const struct kedge_config *config)
{
    char error[KEDGE_API_ERROR_MAX];
    const struct kedge_api_tls files = {.certificate_file = config->tls_cert,
                                        .key_file = config->tls_key};
    bool given = config->tls_cert[0] != '\0';
    if (given != (config->tls_key[0] != '\0')) {
        fputs("kedged: --tls-cert and --tls-key go together\n", stderr);
        return false;
    }
    if (given && config->https[0] == '\0') {
        fputs("kedged: --tls-cert needs --https ADDR:PORT\n", stderr);
        return false;
    }
    if (!given || !config->check_config || kedge_api_tls_check(&files, NULL, error) == KEDGE_OK)
        return true;
    fprintf(stderr, "kedged: --tls-cert, --tls-key: %s\n", error);
    return false;
}

bool config_check_web(struct kedge_config *config)
{
    return config_check_address("http", config->http) && check_http(config) &&
           config_check_address("https", config->https) &&
           config_check_address("download-http", config->download_http) &&
           check_tls_files(config) && check_download_base(config) && check_proxies(config);
}
