"use strict";
// Bootstrap and task runner. No dependencies; CommonJS and old syntax on purpose, so that even a very old Node parses
// it and prints the message below. First run: installs pnpm (through npm), then everything in pnpm-lock.yaml, which
// includes a real Node 24 (npm package "node"), then bundles the destiny command and the shop. Later runs: hashes skip it.
var major = parseInt(process.versions.node.split(".")[0], 10);
if (major < 18) {
  console.error(
    "This project needs Node 18 or newer to start (found " +
      process.version +
      ").\n" +
      "It installs its own Node 24 for the real work. Install Node 20 or newer and run the command again.",
  );
  process.exit(3);
}

var fs = require("fs");
var os = require("os");
var path = require("path");
var crypto = require("crypto");
var cp = require("child_process");
var bundles = require("../packages/cli/bin/bundles.cjs");
var heaps = require("../packages/cli/bin/heaps.cjs");

var PNPM = "pnpm@12.21.0";
var NODE_VERSION = "v24.21.0";
var root = path.resolve(__dirname, "..");
var node24 = path.join(root, "node_modules", "node", "bin", "node");
var stampFile = path.join(root, "node_modules", ".bootstrap-stamp");
var claimsDirectory = path.join(root, ".bootstrap.lock");
var SOURCE = "--conditions=@destiny/source";
var SEMI_SPACE = "--max-semi-space-size=" + heaps.supervisorSemiSpaceMb;

// task -> arguments for Node 24, run from the repository root
var TASKS = {
  start: function (rest) {
    return [SOURCE, SEMI_SPACE, "packages/cli/bin/destiny.ts", "rehearse"].concat(rest);
  },
  destiny: function (rest) {
    return [SOURCE, SEMI_SPACE, "packages/cli/bin/destiny.ts"].concat(rest);
  },
  test: function (rest) {
    return [SOURCE, "node_modules/vitest/vitest.mjs", "run"].concat(rest);
  },
  check: function (rest) {
    return [SOURCE, "scripts/check.ts"].concat(rest);
  },
  mutate: function (rest) {
    return ["scripts/mutate.ts"].concat(rest);
  },
  format: function (rest) {
    return ["node_modules/oxfmt/bin/oxfmt"].concat(rest);
  },
  bench: function (rest) {
    var names = fs
      .readdirSync(path.join(root, "bench"))
      .filter(function (f) {
        return /^[a-z][a-z0-9-]*\.ts$/.test(f);
      })
      .map(function (f) {
        return f.slice(0, -3);
      });
    if (names.indexOf(rest[0]) === -1) {
      usage("npm run bench -- <" + (names.join("|") || "no benchmark yet") + "> [arguments]");
    }
    return [SOURCE, "bench/" + rest[0] + ".ts"].concat(rest.slice(1));
  },
};

function usage(text) {
  console.error("usage: " + text);
  process.exit(2);
}

function inputHash() {
  var h = crypto.createHash("sha256");
  h.update([PNPM, NODE_VERSION, process.platform, process.arch].join("|"));
  var files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  fs.readdirSync(path.join(root, "packages"))
    .sort()
    .forEach(function (d) {
      files.push(path.join("packages", d, "package.json"));
    });
  files.forEach(function (f) {
    var p = path.join(root, f);
    if (fs.existsSync(p)) h.update("\n" + f + "\0").update(fs.readFileSync(p));
  });
  return h.digest("hex");
}

function isInstalled(hash) {
  try {
    return fs.readFileSync(stampFile, "utf8") === hash && fs.existsSync(node24);
  } catch (e) {
    return false;
  }
}

// When the process started, in the system's own words; undefined when it is gone. A pid alone may be another's by now.
function startTime(pid) {
  if (process.platform === "linux") {
    try {
      var stat = fs.readFileSync("/proc/" + pid + "/stat", "utf8");
      var fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
    } catch (e) {
      return undefined;
    }
  }
  var r = cp.spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return (r.stdout || "").trim().replace(/[^A-Za-z0-9]+/g, "-") || undefined;
}

function bootId() {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().slice(0, 8);
  } catch (e) {
    return "boot";
  }
}

function claimName(pid) {
  return [bootId(), pid, startTime(pid)].join("_");
}

// Live claims of others; the claims of processes that are gone are removed, which is safe, since a name never returns.
function otherClaims(own) {
  return fs.readdirSync(claimsDirectory).filter(function (name) {
    if (name === own) return false;
    if (name === claimName(name.split("_")[1])) return true;
    fs.rmSync(path.join(claimsDirectory, name), { force: true });
    return false;
  });
}

function pause(millis) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}

// One installer at a time (two terminals, or start and test at once). Everybody writes a claim first and looks at the
// others' second, so two never both go on; who sees another one withdraws and waits.
function withLock(body) {
  // A lock file of an older version stands where the folder must be.
  if (fs.existsSync(claimsDirectory) && !fs.statSync(claimsDirectory).isDirectory()) fs.rmSync(claimsDirectory);
  fs.mkdirSync(claimsDirectory, { recursive: true });
  var own = claimName(process.pid);
  var file = path.join(claimsDirectory, own);
  var said = false;
  for (;;) {
    if (otherClaims(own).length === 0) {
      fs.writeFileSync(file, "");
      if (otherClaims(own).length === 0) break;
      fs.rmSync(file, { force: true });
    }
    if (!said) console.error("[bootstrap] waiting for another bootstrap of this checkout ...");
    said = true;
    pause(100 + Math.floor(Math.random() * 200));
  }
  try {
    return body();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

function npmCommand() {
  // Inside "npm run" this is npm's own cli.js: no look-up on the PATH and no shell.
  var p = process.env.npm_execpath;
  if (p && /npm-cli\.js$/.test(p)) return [process.env.npm_node_execpath || process.execPath, [p]];
  return ["npm", []];
}

function install() {
  var n = npmCommand();
  var args = n[1].concat(["exec", "--yes", "--package=" + PNPM, "--", "pnpm", "install", "--frozen-lockfile"]);
  var t = Date.now();
  console.error("[bootstrap] installing dependencies (" + PNPM + ", Node " + NODE_VERSION + ") ...");
  // stdout stays clean for the task itself
  var r = cp.spawnSync(n[0], args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (r.error || r.status !== 0) {
    console.error(
      "[bootstrap] install failed" +
        (r.error ? ": " + r.error.message : " (exit code " + r.status + ")") +
        "\n  - needs access to an npm registry (npm config get registry)" +
        "\n  - after a change of any package.json run: npx --yes " +
        PNPM +
        " install",
    );
    process.exit(6);
  }
  var v = cp.spawnSync(node24, ["-v"], { encoding: "utf8" });
  if ((v.stdout || "").trim() !== NODE_VERSION) {
    console.error(
      "[bootstrap] expected Node " + NODE_VERSION + " at " + node24 + ", got " + (v.stdout || v.error || v.stderr),
    );
    process.exit(6);
  }
  console.error("[bootstrap] done in " + ((Date.now() - t) / 1000).toFixed(1) + " s");
}

// Without a bundle the sources are run, slower and with more memory, so a failure here is no reason to refuse the task.
function build(name) {
  var r = cp.spawnSync(node24, [SOURCE, "scripts/build-" + name + ".ts"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (r.error || r.status !== 0) console.error("[bootstrap] the bundle of the " + name + " was not built");
  return !r.error && r.status === 0;
}

if (process.platform === "win32") {
  console.error(
    "This project needs POSIX process groups and signals; Windows has none.\n" +
      "Install WSL (https://learn.microsoft.com/windows/wsl/install) and run the same command there.",
  );
  process.exit(3);
}

var task = process.argv[2];
if (task !== "--install-only" && !Object.prototype.hasOwnProperty.call(TASKS, task || "")) {
  usage("node scripts/run.cjs <" + Object.keys(TASKS).join("|") + "|--install-only> [arguments]");
}

var hash = inputHash();
// Only who may start a shop needs it bundled: a test of one file does not wait for that.
var wanted = ["start", "destiny", "--install-only"].indexOf(task) === -1 ? ["cli"] : ["cli", "shop"];
function unbuilt() {
  return wanted.filter(function (name) {
    return !bundles[name].isBuilt();
  });
}
var built = true;
if (!isInstalled(hash) || unbuilt().length > 0) {
  withLock(function () {
    if (!isInstalled(hash)) {
      install();
      fs.writeFileSync(stampFile, hash);
    }
    built = unbuilt().map(build).every(Boolean);
  });
}
if (task === "--install-only") process.exit(built ? 0 : 6);

var env = Object.assign({}, process.env);
env.PATH = path.join(root, "node_modules", ".bin") + path.delimiter + (env.PATH || "");
var child = cp.spawn(node24, TASKS[task](process.argv.slice(3)), { cwd: root, stdio: "inherit", env: env });
// The terminal sends Ctrl-C to the whole group, so the child gets it by itself; only stay alive.
process.on("SIGINT", function () {});
["SIGTERM", "SIGHUP"].forEach(function (s) {
  process.on(s, function () {
    child.kill(s);
  });
});
// "kill <npm>" reaches npm and its shell only; when they are gone, the task is stopped too.
var parent = process.ppid;
setInterval(function () {
  if (process.ppid !== parent) child.kill("SIGTERM");
}, 1000).unref();
child.on("error", function (e) {
  console.error(String(e));
  process.exit(1);
});
child.on("exit", function (code, signal) {
  if (signal) process.exit(128 + (os.constants.signals[signal] || 0));
  process.exit(code === null ? 1 : code);
});
