"""What the black-box tests stand on: the server as a process, a client, the specification's schemas."""
