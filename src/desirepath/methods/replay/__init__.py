"""How well orders agree with what people did, session by session, and how two orders differ."""
