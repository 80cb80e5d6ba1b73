#!/usr/bin/env python3
"""Example of a driver program for kkmtest in Python (docs/driver-protocol.md).

It drives a register that speaks the Shtrih-M host protocol (standard level) over
TCP or a serial device, with the standard library alone. It shows the shape of a
driver; for real work the bench has its own one for this protocol.

    kkmtest run --allow-exec --device 'exec:/path/to/driver.py?arg=tcp:127.0.0.1:7778'
    kkmtest run --allow-exec --device 'exec:/path/to/driver.py?arg=/dev/ttyUSB0'

Standard output belongs to the protocol with the bench: one JSON object a line.
Everything for people goes to standard error.
"""

import base64
import json
import os
import select
import socket
import struct
import sys
import time

STX, ENQ, ACK, NAK = 0x02, 0x05, 0x06, 0x15
ANSWER_TIME = 30.0  # seconds a register may think
POLL_TIME = 0.1  # between two looks whether paper still moves
PAPER_TIME = 60.0
CODING = "kz1048"  # registers that report language 3


class Silent(Exception):
    """The register gives no answer that can be read: the effect may have happened."""


class NotAble(Exception):
    """This driver or its protocol cannot do that."""


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Port:
    """A byte line over a socket or a serial device."""

    def __init__(self, name):
        if name.startswith("tcp:"):
            host, _, port = name[4:].rpartition(":")
            self.sock = socket.create_connection((host, int(port)), timeout=5)
            self.sock.setblocking(False)
            self.fd = self.sock.fileno()
        else:
            import termios
            import tty

            self.fd = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self.fd)
            attrs = termios.tcgetattr(self.fd)
            attrs[4] = attrs[5] = termios.B115200
            termios.tcsetattr(self.fd, termios.TCSANOW, attrs)

    def write(self, data, note):
        # Reported first: the record knows of everything that may have arrived.
        say(event="bytes", dir="to-device", data=base64.b64encode(data).decode(), note=note)
        while data:
            select.select([], [self.fd], [])
            data = data[os.write(self.fd, data):]

    def read(self, n, limit=ANSWER_TIME):
        got = b""
        while len(got) < n:
            ready, _, _ = select.select([self.fd], [], [], limit)
            if not ready:
                raise Silent(f"{len(got)} of {n} bytes within {limit} s")
            part = os.read(self.fd, n - len(got))
            if not part:
                raise OSError("the line is closed")
            say(event="bytes", dir="from-device", data=base64.b64encode(part).decode())
            got += part
        return got


def amount(value):
    return struct.pack("<q", value)[:5]


def text(s, size=40):
    return s.encode(CODING, "replace")[:size].ljust(size, b"\0")


class Register:
    """The host side of the standard level, for a line that works."""

    LINE = {"sale": 0x80, "buy": 0x81, "sale-return": 0x82, "buy-return": 0x83}
    TYPE = {"sale": 0, "buy": 1, "sale-return": 2, "buy-return": 3}
    SIMPLE = {"deposit": 0x50, "withdraw": 0x51, "x-report": 0x40, "z-report": 0x41, "copy": 0x8C, "cancel": 0x88}

    def __init__(self, name):
        self.name, self.port = name, None
        self.admin, self.cashiers = 30, {}

    def exchange(self, body, last=False):
        """ENQ, NAK, frame, ACK, answer, ACK; returns error code and the rest."""
        if self.port is None:
            self.port = Port(self.name)
        self.port.write(bytes([ENQ]), "ENQ")
        if self.port.read(1)[0] != NAK:
            raise Silent("no NAK after ENQ")
        frame = bytes([len(body)]) + body
        lrc = 0
        for b in frame:
            lrc ^= b
        self.port.write(bytes([STX]) + frame + bytes([lrc]), f"command {body[0]:02X}h")
        if last:
            say(event="entered")  # the cashier's input is complete
        if self.port.read(1)[0] != ACK:
            raise Silent("no ACK after the frame")
        head = self.port.read(2)
        tail = self.port.read(head[1] + 1)
        lrc = head[1]
        for b in tail:
            lrc ^= b
        if head[0] != STX or lrc != 0 or tail[0] != body[0]:
            raise Silent(f"an answer that cannot be read: {(head + tail).hex(' ')}")
        self.port.write(bytes([ACK]), "ACK")
        return tail[1], tail[2:-1]

    def command(self, code, password, params=b"", last=False):
        return self.exchange(struct.pack("<BI", code, password) + params, last)

    def password(self, op):
        who = op.get("as", {})
        if who.get("password"):
            if not who["password"].isdigit():
                raise NotAble("a password that is no number")
            return int(who["password"])
        if who.get("admin") or not who.get("cashier") and op["kind"] in ("x-report", "z-report"):
            return self.admin
        n = max(who.get("cashier", 1), 1)
        return self.cashiers.get(n, n)

    def do(self, op):
        password = self.password(op)
        if op["kind"] == "receipt":
            code = self.receipt(op["receipt"], password)
        elif op["kind"] in self.SIMPLE:
            params = amount(op["cash"]) if op["kind"] in ("deposit", "withdraw") else b""
            code, _ = self.command(self.SIMPLE[op["kind"]], password, params, last=True)
        else:
            raise NotAble(f"operation {op['kind']}")
        if code:
            return {"got": "refused", "code": code, "text": f"error {code:02X}h"}
        self.await_paper()
        return {"got": "done", "blur_ms": int(POLL_TIME * 1000)}

    def receipt(self, receipt, password):
        if receipt.get("discount") or receipt.get("markup") or any(l["kind"] != "goods" for l in receipt["lines"]):
            raise NotAble("discounts, markups and stornos")
        paid = {"cash": 0, "card": 0}
        for p in receipt["payments"]:
            if p["kind"] not in paid:
                raise NotAble(f"payment {p['kind']}")
            paid[p["kind"]] += p["sum"]
        code, _ = self.command(0x8D, password, bytes([self.TYPE[receipt["kind"]]]))
        for line in receipt["lines"]:
            if code:
                break
            params = amount(line["qty"]) + amount(line["price"]) + bytes([max(line.get("section", 1), 1), 0, 0, 0, 0])
            code, _ = self.command(self.LINE[receipt["kind"]], password, params + text(line["name"]))
        if not code:
            sums = amount(paid["cash"]) + amount(paid["card"]) + amount(0) * 2
            code, _ = self.command(0x85, password, sums + bytes(6) + text(""), last=True)
        if code:
            self.command(0x88, password)  # no receipt may stay open
        return code

    def await_paper(self):
        until = time.monotonic() + PAPER_TIME
        while time.monotonic() < until:
            _, rest = self.command(0x10, self.admin)
            if len(rest) < 5 or rest[4] == 0:
                return
            time.sleep(POLL_TIME)

    def status(self):
        code, s = self.command(0x11, self.admin)
        if code or len(s) < 36:
            raise Silent(f"a status of {len(s)} bytes, error {code:02X}h")
        return s

    def identity(self):
        code, t = self.exchange(b"\xfc")
        if code or len(t) < 6:
            raise Silent("no device type")
        return {
            "type": f"Shtrih-M protocol {t[2]}.{t[3]}",
            "model": t[6:].rstrip(b"\0").decode(CODING),
            "serial": str(struct.unpack_from("<I", self.status(), 30)[0]),
        }

    def state(self):
        s = self.status()
        mode = s[13] & 0x0F
        opened = mode in (2, 3)
        day, month, year, hour, minute, second = s[23:29]
        return {
            "shift_open": opened,
            "shift_long": mode == 3,
            "shift": struct.unpack_from("<H", s, 34)[0] + (1 if opened else 0),
            "clock": f"20{year:02d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}",
        }

    def printed(self):
        code, n = self.command(0xC8, self.admin)
        if code:
            raise NotAble("this register has no print buffer")
        lines = []
        for i in range(struct.unpack("<H", n[:2])[0]):
            _, line = self.command(0xC9, self.admin, struct.pack("<H", i))
            lines.append(line.rstrip(b"\0").decode(CODING))
        self.command(0xCA, self.admin)
        return {"lines": lines, "origin": "host"}


def main():
    if len(sys.argv) != 2:
        sys.exit("driver.py: want one argument: tcp:HOST:PORT or a serial device")
    register = Register(sys.argv[1])
    for line in sys.stdin:
        call = json.loads(line)
        number, what = call["id"], call["call"]
        try:
            if what == "hello":
                passwords = call.get("passwords", {})
                register.admin = int(passwords.get("admin") or 30)
                register.cashiers = {int(k): int(v) for k, v in passwords.get("cashiers", {}).items()}
                result = {"driver": "driver.py", "version": "1", "protocol": 1, "can": ["printed"]}
            elif what == "do":
                result = register.do(call["op"])
            elif what in ("identity", "state", "printed"):
                result = getattr(register, what)()
            elif what == "close":
                say(id=number, result={})
                return
            else:
                raise NotAble(f"call {what}")
            say(id=number, result=result)
        except NotAble as e:
            say(id=number, error={"kind": "not-able", "text": str(e)})
        except Silent as e:
            say(id=number, error={"kind": "silent", "text": str(e)})
        except OSError as e:
            register.port = None
            say(id=number, error={"kind": "failed", "text": str(e)})


if __name__ == "__main__":
    main()
