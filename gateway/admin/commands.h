/* commands.h: the functions of the table's commands.
 *
 * Each ends with one of command_done(), command_json(), command_rows() or
 * command_fail() of run.h, at once or later. */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "admin/table.h"

command_h cmd_status, cmd_version, cmd_trunks, cmd_limits, cmd_messages;
command_h cmd_calls, cmd_call_show, cmd_call_hangup, cmd_call_trace, cmd_trace;
command_h cmd_call_pcap, cmd_call_media, cmd_log_level, cmd_log_show;
command_h cmd_reload, cmd_drain, cmd_undrain;
command_h cmd_cdr, cmd_metrics;
command_h cmd_accounts, cmd_users, cmd_subscriptions;
command_h cmd_address, cmd_route_test, cmd_acl_test;
command_h cmd_doctor;

#endif
