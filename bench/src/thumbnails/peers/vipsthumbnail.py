# One picture, cut to four sizes by the program vipsthumbnail, once a size; its start is part of the time.
# python vipsthumbnail.py FORMAT FILE TIMES OUT
import json, resource, subprocess, sys

FORMAT, FILE, TIMES, OUT = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
OPTIONS = "[Q=80,effort=4,strip]" if FORMAT == "webp" else "[Q=80,optimize_coding,strip]"


def cut():
    for size in [1200, 600, 300, 100]:
        target = f"{OUT}/{size}.{'webp' if FORMAT == 'webp' else 'jpg'}{OPTIONS}"
        subprocess.run(["vipsthumbnail", FILE, "-s", f"{size}x{size}>", "-o", target], check=True)


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


cut()
before = used()
for _ in range(TIMES):
    cut()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
print(json.dumps({"cpu_ms": (used() - before) * 1000 / TIMES, "peak_mb": peak}))
