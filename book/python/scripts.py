"""Bundle the page's editor and worker from npm's packages: ``python -m book scripts``, which needs node and npm.

What comes out is kept in ``page/bundled`` with the licences of all parts, so nobody needs this to build the book. The
same sources and ``page/package-lock.json`` give the same bytes.
"""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

PAGE = Path(__file__).parent / "page"
BUNDLED = PAGE / "bundled"
TOOLS = PAGE.parents[2] / "_build" / "script-tools"
WRAPPED = {  # name: what stands around the bundle; the worker is kept as a function, to be started from its text
    "editor": ("", ""),
    "worker": ("window.nnPython.worker = function () {", "};"),
}


def sources():
    """The SHA-256 of all that the bundles are made from."""
    digest = hashlib.sha256()
    for path in sorted([*PAGE.glob("*.src.js"), PAGE / "package.json", PAGE / "package-lock.json"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main():
    if not shutil.which("npm"):
        raise SystemExit("Bundling the page's scripts needs node and npm, and npm is not on the PATH.")
    shutil.rmtree(TOOLS, ignore_errors=True)
    shutil.copytree(PAGE, TOOLS, ignore=shutil.ignore_patterns("bundled"))
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=TOOLS, check=True)
    shutil.rmtree(BUNDLED, ignore_errors=True)
    BUNDLED.mkdir()
    packages = set()
    for name, (before, after) in WRAPPED.items():
        command = ["node_modules/.bin/esbuild", f"{name}.src.js", "--bundle", "--minify", "--format=iife", "--target=es2020",
                   "--legal-comments=none", "--metafile=meta.json", f"--outfile={name}.js"]  # fmt: skip
        subprocess.run([*command, f"--banner:js={before}", f"--footer:js={after}", "--log-level=warning"], cwd=TOOLS, check=True)
        inputs = json.loads((TOOLS / "meta.json").read_text(encoding="utf-8"))["inputs"]
        packages |= {found[1] for found in (re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", path) for path in inputs) if found}
        shutil.copy(TOOLS / f"{name}.js", BUNDLED / f"{name}.js")
    texts = []
    for package in sorted(packages):
        folder = TOOLS / "node_modules" / package
        version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
        licences = sorted(folder.glob("LICENSE*"))
        if not licences:
            raise SystemExit(f"{package} brings no licence")
        texts.append("\n\n".join([f"{package} {version}", *(path.read_text(encoding="utf-8").strip() for path in licences)]))
    (BUNDLED / "LICENCES.txt").write_text(("\n\n" + "-" * 80 + "\n\n").join(texts) + "\n", encoding="utf-8")
    (BUNDLED / "sources.sha256").write_text(sources() + "\n", encoding="utf-8")
    for name in WRAPPED:
        print(f"{name}.js {(BUNDLED / f'{name}.js').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
