// Builds the page where it is not up to date: packages once, then the build. Quick where there is
// nothing to do.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const made = time(join(web, "dist/page/index.html"));
const sources = ["src", "public", "scripts", "index.html", "package.json", "package-lock.json"]
  .concat(["tsconfig.json", "vite.config.js"])
  .map((name) => newest(join(web, name)));

if (Math.max(...sources) > made) {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) end(`Node ${process.versions.node} is too old; the page needs 20 or later`);
  const installed = time(join(web, "node_modules/.package-lock.json"));
  if (time(join(web, "package-lock.json")) > installed) {
    run(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  run(["run", "--silent", "build"]);
}

/** When a file, or the newest in a folder, changed; 0 where there is none. */
function newest(path) {
  const own = time(path);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return own;
  return Math.max(own, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function time(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(args) {
  const { status, error } = spawnSync("npm", args, { cwd: web, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) end(`the page is not built: \`npm ${args.join(" ")}\` failed${error ? `: ${error.message}` : ""}`);
}

function end(why) {
  console.error(why);
  process.exit(1);
}
