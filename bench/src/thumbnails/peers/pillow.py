# One picture, cut to four sizes again and again by Pillow or pillow-simd: scaled decoding, then each size from the last.
# python pillow.py FORMAT FILE TIMES OUT
import io, json, sys, time
from PIL import Image

FORMAT, FILE, TIMES, OUT = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
SIZES = [1200, 600, 300, 100]
source = open(FILE, "rb").read()


def cut():
    image = Image.open(io.BytesIO(source))
    width, height = image.size
    scale = min(1.0, SIZES[0] / max(width, height))
    image.draft("RGB", (int(width * scale * 1.5), int(height * scale * 1.5)))
    image = image.convert("RGB")
    made = []
    for size in SIZES:
        scale = min(1.0, size / max(width, height))
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        if image.size != target:
            image = image.resize(target, Image.LANCZOS)
        out = io.BytesIO()
        if FORMAT == "webp":
            image.save(out, "WEBP", quality=80, method=4)
        else:
            image.save(out, "JPEG", quality=80, optimize=True, subsampling=2)
        made.append(out.getvalue())
    return made


made = cut()
before = time.process_time()
for _ in range(TIMES):
    made = cut()
used = time.process_time() - before
for size, data in zip(SIZES, made):
    open(f"{OUT}/{size}", "wb").write(data)
# Not `ru_maxrss`: it begins with what the parent had.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024 / 1e6
print(json.dumps({"cpu_ms": used * 1000 / TIMES, "peak_mb": peak}))
