/*
 * manual.c: writes the manual page, kedge-agent(8), from the tables of commands and options, so
 * that it says what the program takes. Run when the project is built.
 */
#include "agent/client/account_file.h"
#include "agent/client/progress_file.h"
#include "agent/client/state_file.h"
#include "agent/local/place.h"
#include "agent/main/commands.h"
#include "agent/port/port.h"
#include "tools/roff.h"

static void print_commands(void)
{
    roff_section("COMMANDS");
    for (size_t i = 0; i < kedge_cli_command_count; i++) {
        const struct kedge_cli_command *command = &kedge_cli_commands[i];
        if (command->name == NULL)
            continue;
        roff_subsection(command->name);
        roff_paragraph(command->about);
        kedge_options_each(command->bit, roff_option_row);
    }
}

static void print_files(void)
{
    roff_section("FILES");
    roff_paragraph("All that lasts is in the folder that --state names:");
    roff_item("DIR/boot.record", "which slot runs, and whether it is on trial");
    roff_item("DIR/slot0.img, DIR/slot1.img", "the slots, unless --slot0 and --slot1 name others");
    roff_item("DIR/" KEDGE_AGENT_STATE_FILE, "State and Result of the last update");
    roff_item("DIR/" KEDGE_PROGRESS_FILE, "where a download goes on after a restart");
    roff_item("DIR/" KEDGE_ACCOUNT_FILE, "what a bootstrap server said, keys included");
    roff_item("DIR/" KEDGE_LOCAL_SOCKET_FILE, "the socket of status, accept and defer");
}

static void print_environment(void)
{
    roff_section("ENVIRONMENT");
    roff_item(KEDGE_BOOT_ENV_SLOT ", " KEDGE_BOOT_ENV_TRIAL,
              "set by kedge-boot: the slot that runs, and whether it is on trial");
    roff_item("NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
              "set by systemd: the agent tells it that it is ready, how it stands, and that it "
              "lives");
    roff_item("TZ", "the time zone that the device reports, instead of that of /etc/localtime");
}

/* 75 is not the next one. */
static void print_statuses(void)
{
    static const char *const words[] = {
        "it ended as it was told to, or a command did what it is for",
        "the system or the state folder did not do what it must, or a command could not",
        "the command line, or the configuration, is wrong; standard error says where"};
    roff_statuses(words, ROFF_COUNT(words));
    _Static_assert(KEDGE_BOOT_EXIT_REBOOT == 75, "as the page says");
    roff_item("75", "the agent asks for a reboot");
}

int main(void)
{
    static const char *const others[] = {"kedge-boot(8)", "kedged(8)", "kedge-sign(1)"};
    roff_page("kedge-agent", 8, "updates the firmware of a device by LwM2M");
    roff_section("SYNOPSIS");
    for (size_t i = 0; i < kedge_cli_command_count; i++)
        roff_usage(kedge_cli_commands[i].usage);
    roff_section("DESCRIPTION");
    roff_paragraph(kedge_cli_commands[0].about);
    roff_section("OPTIONS");
    roff_paragraph("The file that --config names has the same names, without the dashes, as name = "
                   "value lines; what takes no value here is true or false there.");
    kedge_options_each(KEDGE_COMMAND_RUN, roff_option_row);
    print_commands();
    print_files();
    roff_section("SIGNALS");
    roff_item("SIGTERM, SIGINT", "de-register, and end");
    print_environment();
    print_statuses();
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
