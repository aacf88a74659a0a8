# SPDX-License-Identifier: GPL-2.0-or-later
"""For tools/qemu/test: the places from which tools/qemu/build takes the source."""

import hashlib
import http.server
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading

HERE = os.path.dirname(os.path.realpath(__file__))


class Files(http.server.BaseHTTPRequestHandler):
    """Serves the files of "contents", by path"""
    contents = {}

    def do_GET(self):
        body = self.contents.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


def small_tarball():
    """In the form of a release, but not of the version that the patches are for"""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as tar:
        for name, text in (("VERSION", b"0.1"), ("python/wheels/meson.whl", b""),
                           ("subprojects/libvhost-user/meson.build", b"")):
            member = tarfile.TarInfo(f"qemu-10.2.2/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return file.getvalue()


def test_sources(results):
    tarball = small_tarball()
    sha256 = hashlib.sha256(tarball).hexdigest()
    Files.contents = {"/good": tarball, "/bad": tarball + b"x"}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as folder:
        # A copy, as the repository may have sources beside it
        root = os.path.join(folder, "repository")
        for part in ("tools/qemu", "tools/archive", "include"):
            shutil.copytree(os.path.join(HERE, "../..", part), os.path.join(root, part))
        for name in ("good", "bad"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(Files.contents[f"/{name}"])

        cache = os.path.join(folder, "cache")

        def build(*command, **variables):
            """(status, sources that were tried, the last line)"""
            keep = {name: value for name, value in os.environ.items()
                    if not name.startswith("QEMU_") and not name.lower().endswith("_proxy")}
            process = subprocess.run(
                [*command, os.path.join(root, "tools/qemu/build")], stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False,
                env={**keep, "XDG_CACHE_HOME": cache, **variables})
            tried = re.findall(r"trying (\S+)", process.stderr)
            return process.returncode, tried, (process.stderr + process.stdout).splitlines()[-1]

        other = "is QEMU 0.1; the patches are for 10.2.2"
        for name, variables, tried, outcome in (
                ("from upstream's site", {"QEMU_URL": f"{site}/good"}, ["good"], other),
                ("not with another content", {"QEMU_URL": f"{site}/bad"}, ["bad"], "no source"),
                ("not if it is not there", {"QEMU_URL": f"{site}/none"}, ["none"], "no source"),
                ("from the archive instead",
                 {"QEMU_URL": f"{site}/bad", "QEMU_ARCHIVE_URL": f"{site}/good"},
                 ["bad", "good"], other),
                ("from the archive if upstream's site is down",
                 {"QEMU_URL": "http://127.0.0.1:1/none", "QEMU_ARCHIVE_URL": f"{site}/good"},
                 ["none", "good"], other),
                ("from a file", {"QEMU_SOURCE": os.path.join(folder, "good")}, [], other),
                ("neither from another file nor from elsewhere",
                 {"QEMU_SOURCE": os.path.join(folder, "bad"), "QEMU_URL": f"{site}/good"}, [],
                 "if you trust it, set QEMU_SHA256")):
            status, found, message = build(QEMU_SERIES="10.2", QEMU_SHA256=sha256, **variables)
            results.check(f"source of QEMU: {name}",
                          (status, [os.path.basename(each) for each in found], outcome in message),
                          (1, tried, True))
        # No file that is not trusted is unpacked
        status, _, message = build(QEMU_SERIES="10.2", QEMU_SOURCE=os.path.join(folder, "good"))
        results.check("source of QEMU: not without its sha256",
                      (status, "if you trust it" in message), (1, True))
        alone = ("unshare", "--map-root-user", "--net", "--")
        status, tried, message = build(*alone, QEMU_SERIES="10.2")
        results.check("source of QEMU: without a network all ways are tried, in turn",
                      (status, [each.startswith("https:") for each in tried],
                       "no source of QEMU 10.2.2 found" in message),
                      (1, [True, False, True], True))
        status, tried, message = build(*alone, QEMU_SERIES="11.1")
        results.check("source of QEMU: series 11.1 is only tried as Debian's tarball",
                      (status, [each.startswith("https:") for each in tried],
                       "no source of QEMU 11.1.1 found" in message),
                      (1, [False, True], True))
        status, _, message = build(QEMU_SERIES="11.1", QEMU_SHA256=sha256,
                                   QEMU_SOURCE=os.path.join(folder, "good"))
        results.check("source of QEMU: each series is for its own version",
                      (status, "is QEMU 0.1; the patches are for 11.1.1" in message), (1, True))
        status, tried, message = build(QEMU_SERIES="11", QEMU_URL=f"{site}/good")
        results.check("source of QEMU: another series is refused",
                      (status, tried, "is not a series of patches: 11.1 or 10.2" in message),
                      (1, [], True))
        status, tried, message = build(*alone)
        results.check("source of QEMU: 11.1 is tried first, then 10.2",
                      (status, [each.startswith("https:") for each in tried],
                       "no source of QEMU 10.2.2 found" in message),
                      (1, [False, True, True, False, True], True))
        # As if the small tarball were the one that is known of 10.2, in a cache with simple names
        script = os.path.join(root, "tools/qemu/build")
        with open(script, encoding="utf-8") as file:
            text = file.read()
        known = re.findall(r"debian_sha256=(\w{64})", text)
        with open(script, "w", encoding="utf-8") as file:
            file.write(text.replace(known[1], sha256).replace("/qemu-$key", "/qemu-$version"))
        status, _, message = build(QEMU_SOURCE=os.path.join(folder, "good"))
        results.check("source of QEMU: a tarball of 10.2 chooses that series",
                      (status, "is QEMU 0.1; the patches are for 10.2.2" in message), (1, True))
        for each in ("10.2.2", "11.1.1"):
            program = os.path.join(cache, f"virtio-mmr/qemu-{each}/qemu-system-x86_64")
            os.makedirs(os.path.dirname(program))
            with open(program, "wb") as file:
                os.fchmod(file.fileno(), 0o755)
            status, _, message = build()
            results.check(f"source of QEMU: a program of {each} in the cache is used",
                          (status, message), (0, program))
    server.shutdown()
    server.server_close()
