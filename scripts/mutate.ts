// Removes one rule of the house after the other in a scratch clone, and checks that the tests notice each.
//
//     npm run mutate [-- part of a rule's name]
//
// Runs what is committed. Exit 5 when a rule can be removed without a test failing, 2 when no rule has that name.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Mutation, mutations } from "./mutations.ts";

const root = path.resolve(import.meta.dirname, "..");
const part = process.argv[2] ?? "";
const chosen = mutations.filter(({ rule }) => rule.includes(part));
if (chosen.length === 0) {
  console.error(`no rule contains "${part}"; there are:\n${mutations.map(({ rule }) => `  ${rule}`).join("\n")}`);
  process.exit(2);
}

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "destiny-mutate-"));
const clone = path.join(scratch, "clone");
process.on("exit", () => fs.rmSync(scratch, { recursive: true, force: true }));

const must = (command: string, args: ReadonlyArray<string>, cwd: string): void => {
  const { status, stderr } = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
};

interface Report {
  readonly numFailedTests: number;
  readonly numPassedTests: number;
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>;
  }>;
}

/** What a test run says; undefined when it did not come to run a test. */
const run = ([project, ...paths]: Mutation["tests"]): Report | undefined => {
  const report = path.join(scratch, "report.json");
  fs.rmSync(report, { force: true });
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", project, ...paths];
  const reporting = ["--bail=1", "--reporter=json", `--outputFile.json=${report}`];
  spawnSync(process.execPath, ["--conditions=@destiny/source", ...vitest, ...reporting], {
    cwd: clone,
    stdio: "ignore",
  });
  return fs.existsSync(report) ? (JSON.parse(fs.readFileSync(report, "utf8")) as Report) : undefined;
};

const firstFailure = (report: Report): string | undefined =>
  report.testResults.flatMap(({ assertionResults }) => assertionResults).find(({ status }) => status === "failed")
    ?.fullName;

must("git", ["clone", "--quiet", "--local", root, clone], root);
must(process.execPath, ["scripts/run.cjs", "--install-only"], clone);

let survived = 0;
const passing = new Set<string>();
for (const { file, find, replace, rule, tests } of chosen) {
  const target = path.join(clone, file);
  const original = fs.readFileSync(target, "utf8");
  if (original.split(find).length !== 2) throw new Error(`"${rule}": ${file} does not have its line exactly once`);
  const name = tests.join(" ");
  if (!passing.has(name)) {
    const before = run(tests);
    if (before === undefined || before.numFailedTests > 0 || before.numPassedTests === 0) {
      throw new Error(`${name} does not pass without a mutation: ${before && firstFailure(before)}`);
    }
    passing.add(name);
  }
  fs.writeFileSync(
    target,
    original.replace(find, () => replace),
  );
  const after = run(tests);
  fs.writeFileSync(target, original);
  const caughtBy = after && firstFailure(after);
  if (caughtBy === undefined) survived++;
  console.log(caughtBy === undefined ? `SURVIVED  ${rule}` : `caught    ${rule}\n          by: ${caughtBy}`);
}
console.log(`${chosen.length - survived} of ${chosen.length} rules are missed when they are gone`);
process.exitCode = survived === 0 ? 0 : 5;
