// Compresses the built page beside itself, says how large the first load is, and fails where it
// is over its budget.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 120 * 1024;
const page = fileURLToPath(new URL("../dist/page", import.meta.url));

function* files(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (!name.endsWith(".gz")) yield path;
  }
}

let total = 0;
for (const path of files(page)) {
  const plain = readFileSync(path);
  const packed = gzipSync(plain, { level: 9 });
  writeFileSync(`${path}.gz`, packed);
  total += packed.length;
  console.log(`${relative(page, path).padEnd(36)} ${kb(plain.length)}  gzip ${kb(packed.length)}`);
}
console.log(`first load: ${kb(total).trim()} gzip of ${kb(BUDGET).trim()}`);
if (total > BUDGET) {
  console.error("the first load is over its budget");
  process.exit(1);
}

function kb(bytes) {
  return `${(bytes / 1024).toFixed(1)} KB`.padStart(9);
}
