-- Prosody for compose.yaml: one domain, and the gateway as its component.
pidfile = "/run/prosody/prosody.pid"
log = { info = "*console" }
modules_enabled = {
	"roster", "saslauth", "tls", "disco", "carbons", "mam", "smacks",
	"csi_simple", "blocklist", "ping", "register", "external_services",
}
allow_registration = false
certificates = "certs" -- of example.com; clients insist on TLS

VirtualHost "example.com"

Component "sip.example.com"
	component_secret = "change-me"
	component_conflict_resolve = "kick_old"
