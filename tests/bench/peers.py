"""`scripts/bench --peers`: the same work on wsidecar and on others, one after the other, in one run."""
import datetime
import json
import os
import platform
import subprocess
import sys

import report
import servers
import works


def there(o):
    """The servers wanted that can be had, and why others cannot."""
    names = o.servers.split(",") if o.servers else [s.name for s in servers.ALL]
    if unknown := set(names) - {s.name for s in servers.ALL}:
        raise SystemExit(f"--servers: there is no {', '.join(unknown)}")
    found, missing = [], {}
    for s in servers.ALL:
        if s.name in names:
            why = s.missing(o)
            if why:
                missing[s.title] = why
                print(f"  {s.title}: NOT MEASURED: {why}", file=sys.stderr)
            else:
                found.append(s)
    return found, missing


def run(o) -> int:
    if os.cpu_count() < 2:
        raise SystemExit("--peers needs two cores: one for the server under test, one for the rest")
    found, missing = there(o)
    figures = {"at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": platform.processor() or platform.machine(),
               "seconds": o.seconds, "repeat": o.repeat, "missing": missing, "results": []}
    for work in works.chosen(o.works):
        for repetition in range(o.repeat):  # a noisy minute then hits all of them
            for server in (s for s in found if work.fits(s)):
                try:
                    r = works.measure(server, work, o.seconds)
                except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                    r = {"server": server.name, "work": work.name, "error": str(e)}
                figures["results"].append(r | {"repetition": repetition})
                print(f"  {report.brief(r)}", file=sys.stderr, flush=True)
                report.FIGURES.write_text(json.dumps(figures, indent=1))  # a run that is cut off leaves what it had
    print(report.full(figures))
    if o.charts:
        report.publish()
    return 1 if report.faults_of(figures["results"], "wsidecar") else 0
