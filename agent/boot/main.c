/* main.c: kedge-boot, the reference bootloader as a host program. */
#include "agent/boot/power.h"

int main(int argc, char **argv)
{
    struct kedge_boot_options options;
    switch (kedge_boot_options_read(argc, argv, &options)) {
    case KEDGE_OPTIONS_SHOWN:
        return 0;
    case KEDGE_OPTIONS_WRONG:
        return 2;
    case KEDGE_OPTIONS_RUN:
        break;
    }
    return kedge_power_run(&options);
}
