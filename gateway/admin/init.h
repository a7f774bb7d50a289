/* init.h: "stoxd init": a first configuration, and what to put into the XMPP
 * server's and the PBX's. */
#ifndef ADMIN_INIT_H
#define ADMIN_INIT_H

/* argv[0] is "init".  The exit status. */
int init_main(int argc, char *argv[]);

#endif
