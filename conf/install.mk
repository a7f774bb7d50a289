# What "make install" and "make deb" put where; included by the Makefile.
#
# OPERATOR= (empty) leaves out what needs root at the end: the user, and whose
# the configuration is.  A configuration that is there already stays.
SYSCONFDIR ?= /etc
UNITDIR	?= $(PREFIX)/lib/systemd/system
ZSHDIR	?= $(PREFIX)/share/zsh/site-functions
OPERATOR ?= $(if $(DESTDIR),,yes)
D	= $(DESTDIR)$(PREFIX)
DOC	= $(D)/share/doc/stoxd
ETC	= $(DESTDIR)$(SYSCONFDIR)
MAN	= $(wildcard docs/*.[1-9])
INST	= install -D -m 644
COMPLETION = $(D)/share/bash-completion/completions/stoxctl \
	$(DESTDIR)$(ZSHDIR)/_stoxctl \
	$(D)/share/fish/vendor_completions.d/stoxctl.fish

.PHONY: install deb
install: all	## install under PREFIX=/usr/local, into DESTDIR= when it is set
	@install -D $(B)/stoxd $(D)/sbin/stoxd
	@install -D $(B)/stoxctl $(D)/bin/stoxctl
	@install -D $(B)/bench/stoxload $(D)/bin/stoxload
	@$(foreach m,$(MAN),$(INST) $m $(D)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m) &&) :
	@$(INST) -t $(DOC) README.md LICENSE conf/stoxd.conf \
		$(wildcard docs/*.md docs/*.json)
	@$(INST) -t $(DOC)/examples $(wildcard conf/examples/*)
	@$(INST) -t $(DOC)/container $(wildcard conf/container/*)
	@$(INST) conf/sysusers.conf $(D)/lib/sysusers.d/stoxd.conf
	@$(INST) conf/tmpfiles.conf $(D)/lib/tmpfiles.d/stoxd.conf
	@$(INST) conf/fail2ban/stoxd.conf $(ETC)/fail2ban/filter.d/stoxd.conf
	@install -d $(DESTDIR)$(UNITDIR) $(ETC)/apparmor.d $(dir $(COMPLETION))
	@umask 022; sed 's,@PREFIX@,$(PREFIX),' conf/stoxd.service \
		>$(DESTDIR)$(UNITDIR)/stoxd.service
	@umask 022; sed 's,@PREFIX@,$(PREFIX),' conf/apparmor/stoxd >$(ETC)/apparmor.d/stoxd
	@umask 022; set -e; set -- $(COMPLETION); for s in bash zsh fish; do \
		$(B)/stoxctl completion $$s >$$1; shift; done
	@install -d -m 750 $(ETC)/stoxd
	@[ -e $(ETC)/stoxd/stoxd.conf ] || { umask 027; \
		sed 's,^#path =$$,path = /var/lib/stoxd/stoxd.db,' conf/stoxd.conf \
		>$(ETC)/stoxd/stoxd.conf; }
	@[ -z "$(OPERATOR)" ] || conf/operator.sh $(D) $(ETC)/stoxd

# A copy of the tree is built, for what dpkg-buildpackage makes lies beside it.
DEB	= $(B)/deb
deb:	## the Debian package, into build/deb
	@tests/deps.sh build deb
	@rm -rf $(DEB) && mkdir -p $(DEB)/stoxd
	@tar -c --exclude=./build --exclude=./$(B) --exclude=./.git \
		--exclude=node_modules --exclude=__pycache__ . | tar -x -C $(DEB)/stoxd
	@cd $(DEB)/stoxd && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B \
		dpkg-buildpackage -b -us -uc >../build.log 2>&1 || \
		{ tail -30 ../build.log >&2; exit 1; }
	@rm -r $(DEB)/stoxd
	@ls $(DEB)/*.deb
