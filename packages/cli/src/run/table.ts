/** The report for people: a table without borders, which also survives `grep` and `awk`. */
import Table from "cli-table3";
import type { StatusReport } from "../StatusReport.ts";

const borderless = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** A column of numbers stands at its right edge. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const made = new Table({
    chars: borderless,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, column) => (rows.every((row) => typeof row[column] === "number") ? "right" : "left")),
  });
  made.push([...head], ...rows.map((row) => row.map(String)));
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
};

/** A reason of several lines as one, for a row or a list. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " ");

/** A moment as people and `sort` read it. */
export const moment = (millis: number): string => new Date(millis).toISOString().replace("T", " ").replace("Z", "");

export const card = (report: StatusReport): string => {
  const { supervisor } = report;
  const services = table(
    ["SERVICE", "STATE", "PID", "RESTARTS", "PSS MB", "URL"],
    report.services.map((s) => [s.name, s.state, s.pid || "-", s.restarts, s.pssMb, s.url]),
  );
  const components = table(
    ["PORT", "SERVED BY", "VERSION", "HEALTHY", "ADDRESS"],
    report.components.map((c) => [c.port, c.implementation, c.version || "-", c.healthy ? "yes" : "no", c.address]),
  );
  const foot =
    supervisor === null
      ? `instance ${report.instance} (${report.profile}) has no supervisor; destiny up starts it, destiny down ends what is left`
      : `instance ${report.instance} (${report.profile}), supervisor pid ${supervisor.pid} since ${supervisor.since}, ${report.memoryMb} MB (PSS) in all`;
  return [services, "", components, "", foot].join("\n");
};
