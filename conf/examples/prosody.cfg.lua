-- Prosody: add to prosody.cfg.lua, beside the VirtualHost of your users.
-- Prosody listens for components on 127.0.0.1:5347 unless told otherwise
-- (component_ports, component_interfaces); it has no TLS there.

Component "sip.example.com"
	component_secret = "change-me"
	-- A connection that died with its network gives way to the new one.
	component_conflict_resolve = "kick_old"
