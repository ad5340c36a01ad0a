// One picture, cut to four sizes again and again by sharp (libvips).
// node sharp.mjs NODE_MODULES MODE FORMAT FILE TIMES OUT
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
const [, , modules, mode, format, file, times, out] = process.argv;
const sharp = createRequire(modules + '/')('sharp');
sharp.cache(false);
sharp.concurrency(1);
const sizes = [1200, 600, 300, 100];
const source = readFileSync(file);
const inside = (image, size) => image.resize(size, size, { fit: 'inside', withoutEnlargement: true });
const encoded = (image) =>
  format === 'webp' ? image.webp({ quality: 80, effort: 4 }) : image.jpeg({ quality: 80, chromaSubsampling: '4:2:0' });

// What everybody writes: each size from the source.
async function naive() {
  const made = [];
  for (const size of sizes) made.push(await encoded(inside(sharp(source), size)).toBuffer());
  return made;
}

// The best use of the library: decode once, derive the rest from the largest size.
async function smart() {
  const { data, info } = await inside(sharp(source), sizes[0]).raw().toBuffer({ resolveWithObject: true });
  const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
  const made = [await encoded(sharp(data, raw)).toBuffer()];
  for (const size of sizes.slice(1)) made.push(await encoded(inside(sharp(data, raw), size)).toBuffer());
  return made;
}

const cut = mode === 'naive' ? naive : smart;
let made = await cut();
const before = process.cpuUsage();
for (let i = 0; i < Number(times); i++) made = await cut();
const used = process.cpuUsage(before);
made.forEach((bytes, i) => writeFileSync(`${out}/${sizes[i]}`, bytes));
// Not `maxRSS`: it begins with what the parent had.
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];
console.log(JSON.stringify({
  cpu_ms: (used.user + used.system) / 1000 / Number(times),
  peak_mb: Number(peak) * 1024 / 1e6,
}));
