/* older_schema.h: SQL that takes a database back to an earlier schema, for the tests of migrations.
 */
#ifndef KEDGE_TESTS_OLDER_SCHEMA_H
#define KEDGE_TESTS_OLDER_SCHEMA_H

/* Priorities, limits of devices, intermediate packages. */
#define WITHOUT_SCHEMA_22_TO_25                        \
    "ALTER TABLE rollouts DROP COLUMN priority;"       \
    "ALTER TABLE devices DROP COLUMN sequence_floor;"  \
    "ALTER TABLE devices DROP COLUMN slot_capacity;"   \
    "ALTER TABLE rollouts DROP COLUMN intermediate_1;" \
    "ALTER TABLE rollouts DROP COLUMN intermediate_2;" \
    "ALTER TABLE rollouts DROP COLUMN intermediate_3;" \
    "ALTER TABLE rollouts DROP COLUMN intermediate_4;" \
    "ALTER TABLE rollouts DROP COLUMN intermediates;"  \
    "ALTER TABLE deployments DROP COLUMN steps_done;"  \
    "ALTER TABLE deployments DROP COLUMN step;"

#endif
