#!/usr/bin/python3
"""A stand-in for the server, with faults on demand (FAKE=...), so that the harness's own tests can see it find them."""
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = os.environ.get("FAKE", "")
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.path.startswith("/_matrix/client/versions"):
            versions = "v1.19" if FAULT == "schema" else ["v1.19"]
            self.send(200, {"versions": versions})
        elif self.path.startswith("/_matrix/client/v3/account/whoami"):
            if FAULT == "crash":
                os._exit(7)
            if FAULT == "500":
                return self.send(500, {"errcode": "M_UNKNOWN", "error": "fault"})
            if FAULT == "drop":
                return self.connection.close()
            self.send(401, {"errcode": "M_NO_SUCH_CODE" if FAULT == "errcode" else "M_MISSING_TOKEN", "error": "no token"})
        elif self.path.startswith("/_matrix/client/v3/login") and self.command == "POST":
            try:
                json.loads(body)
                self.send(400, {"errcode": "M_BAD_JSON", "error": "no"})
            except ValueError:
                self.send(400, {"errcode": "M_NOT_JSON", "error": "no"})
        else:
            self.send(404, {"errcode": "M_UNRECOGNIZED", "error": "no such path"})

    def send(self, status, value):
        data = json.dumps(value).encode()
        if FAULT == "duplicate":
            data = b'{"versions":[],"versions":[]}'
        self.send_response(status)
        for name, v in () if FAULT == "cors" else CORS.items():
            self.send_header(name, v)
        self.send_header("Content-Type", "text/plain" if FAULT == "type" else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer

    def log_message(self, *args):
        pass


def main():
    if FAULT == "start":
        sys.exit("no start")
    host, port = os.environ["ROOKERY_SERVER_LISTEN"].split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True

    def stop(*_):
        if FAULT != "hang":
            threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    print(f"ready at http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
    if FAULT == "leak":
        print("==1==ERROR: LeakSanitizer: detected memory leaks", file=sys.stderr)
    sys.exit(3 if FAULT == "status" else 0)


main()
