"""Who is connected, who may reach whom, and which peer gets a message. State only: no sockets, no SQL."""
