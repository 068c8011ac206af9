/*
 * manual.c: writes the manual page, kedged(8), from the table of options, so that it says what the
 * program takes. Run when the project is built.
 */
#include "tools/roff.h"
#include "updater/kedged/config.h"
#include "updater/kedged/data_folder.h"
#include "updater/kedged/self_signed.h"
#include "updater/store/store.h"

static void print_files(void)
{
    roff_section("FILES");
    roff_paragraph("All that lasts is in the folder that --data names; nobody else may read it:");
    roff_item("DIR/" KEDGE_STORE_FILE, "devices, rollouts, keys and the audit log; back it up as it "
                                       "runs with sqlite3's .backup");
    roff_item("DIR/" KEDGE_ADMIN_TOKEN_FILE,
              "the first admin's token, for the REST API; another one is made when it is gone");
    roff_item("DIR/" KEDGE_PACKAGE_FOLDER, "packages as they were uploaded");
    roff_item("DIR/" KEDGE_DEVICE_FOLDER, "the bytes of them that devices are sent");
    roff_item("DIR/" KEDGE_TLS_CERTIFICATE_FILE ", DIR/" KEDGE_TLS_KEY_FILE,
              "the certificate of its own making for --https, and its key");
}

int main(void)
{
    static const char *const statuses[] = {
        "it ended as it was told to, or did what --check-config, --help or --version asked for",
        ("the system refused something: an address that is taken, a folder that cannot be written; "
         "the log says what"),
        "the command line or the configuration file is wrong; standard error says where"};
    static const char *const others[] = {"kedge(1)", "kedge-sign(1)", "kedge-swarm(1)",
                                         "kedge-agent(8)"};
    roff_page("kedged", 8, "rolls firmware out to fleets of LwM2M devices");
    roff_section("SYNOPSIS");
    roff_usage(kedge_config_usage);
    roff_section("DESCRIPTION");
    roff_paragraph(kedge_config_about);
    roff_paragraph(kedge_config_ports);
    roff_section("OPTIONS");
    roff_paragraph("The file that --config names has the same names, without the dashes, as name = "
                   "value lines; what takes no value here is true or false there. The command line "
                   "wins.");
    kedge_config_each_option(roff_option_row);
    print_files();
    roff_section("SIGNALS");
    roff_item("SIGTERM, SIGINT", "answer what was asked, make it durable, and end");
    roff_item("SIGHUP", "read --coaps-crl, --tls-cert and --tls-key again");
    roff_section("ENVIRONMENT");
    roff_item("JOURNAL_STREAM", "set by systemd: where it names standard error, the log is written "
                                "as the journal reads it, unless --log-format says otherwise");
    roff_statuses(statuses, ROFF_COUNT(statuses));
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
