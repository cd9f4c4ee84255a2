"""The stand-in by hand: ``python -m tests.standin --port 9000``."""

import argparse
import sys
import threading

from .faults import NAMES
from .protocol import Call
from .server import Standin


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def describe(call: Call) -> str:
    answer = "no answer" if call.status is None else f"{call.status} {(call.answer or '')[:60]!r}"
    parts = [f"{call.at.wall:%H:%M:%S} {call.method} {call.path}: {answer}"]
    if call.fault:
        parts.append(f"(fault: {call.fault})")
    if call.identical is not None:
        parts.append("(as checked)" if call.identical else "(not as checked)")
    return "\n  ".join([" ".join(parts), *call.problems])


def parse_arguments() -> argparse.Namespace:
    faults = "\n".join(f"  {name:14} {meaning}" for name, meaning in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.standin",
        description="A stand-in for Akismet on this machine.",
        epilog=f"Faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--key", default="standin-key0", help="the good key (%(default)s)")
    parser.add_argument("--fault", help="start with this fault")
    parser.add_argument(
        "--accept-undocumented",
        action="store_true",
        help="do not call reporter, comment_check_response, callback and classify problems",
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    standin = Standin(
        port=arguments.port,
        key=arguments.key,
        accept_undocumented=arguments.accept_undocumented,
        watch=lambda call: say(describe(call)),
    )
    standin.fault = arguments.fault
    with standin:
        say(f"Akismet's stand-in listens at {standin.url}. Give the site these variables:")
        say()
        say(f"  export AKISMET_API_URL={standin.url}")
        say(f"  export AKISMET_API_KEY={standin.key}")
        say()
        say("Author akismet-guaranteed-spam is spam; what you report, it learns. Make it fail:")
        say()
        say(f"""  curl {standin.url}/_control -d '{{"fault": "503", "calls": 2}}'""")
        say(f"""  curl {standin.url}/_control -d '{{"fault": null}}'""")
        say(f"  curl {standin.url}/_log")
        say()
        say("--help lists the faults. Ctrl-C stops it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say()


if __name__ == "__main__":
    main()
