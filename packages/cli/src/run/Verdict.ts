/** A run report for people. Colours only where the terminal has them; `NO_COLOR` is honoured by `ansis`. */
import { bold, green, red } from "ansis";
import type { RunReport } from "../RunReport.ts";
import { invariantTable, unprovedLines, violationLines } from "./invariants.ts";
import { table } from "./table.ts";

const maxViolationsShown = 5;

const mark = (ok: boolean): string => (ok ? green("ok") : red("FAIL"));
const ms = Math.round;
const tenths = (value: number): number => Math.round(value * 10) / 10;

/** What did not hold, in words: the tables above may be out of sight. */
const failures = ({ invariants, thresholds }: RunReport): ReadonlyArray<string> => [
  ...unprovedLines(invariants),
  ...violationLines(invariants, maxViolationsShown),
  ...thresholds
    .filter(({ ok }) => !ok)
    .map(({ limit, name, unit, value }) => `${name}: ${tenths(value)} ${unit}, limit ${limit} ${unit}`),
];

/** `undefined`: a report of a version that did not tell it. */
const cpuLine = (cpu: RunReport["cpuPerOrderMs"] | undefined): ReadonlyArray<string> => {
  if (cpu === undefined || cpu === null) return [];
  const { load, postgres, services, simulators, supervisor, total } = cpu;
  return [
    `cpu       ${total} ms an order: services ${services}, PostgreSQL ${postgres}`,
    `          simulators ${simulators}, supervisor ${supervisor}, load ${load}`,
  ];
};

export const render = (report: RunReport): string => {
  const { coupons, orders, payments } = report;
  const routes = table(
    ["ROUTE", "COUNT", "ERRORS", "P50 MS", "P95 MS", "P99 MS"],
    Object.entries(report.http).map(([route, { count, errors, p50Ms, p95Ms, p99Ms }]) => [
      route,
      count,
      errors,
      ms(p50Ms),
      ms(p95Ms),
      ms(p99Ms),
    ]),
  );
  const thresholds = table(
    ["THRESHOLD", "VALUE", "LIMIT", "RESULT"],
    report.thresholds.map(({ limit, name, ok, unit, value }) => [name, tenths(value), `${limit} ${unit}`, mark(ok)]),
  );
  const gateways = Object.entries(payments.byGateway).map(([gateway, count]) => `${gateway} ${count}`);
  const lines = [
    bold(`${report.scenario}, seed ${report.seed}, run ${report.run}`),
    `orders    ${orders.offered} offered, ${orders.placed} placed, ${orders.refused} refused, ${report.dropped} dropped`,
    `          ${orders.payable} payable, ${orders.completed} completed, ${orders.cancelled} cancelled`,
    `          ${orders.soldOut} sold out, ${orders.unpaid} unpaid, ${orders.failed} failed, ${orders.open} open`,
    ...(coupons.offered === 0
      ? []
      : [
          `coupons   ${coupons.offered} asked for, ${coupons.issued} issued, ${coupons.soldOut} sold out, ${coupons.duplicate} duplicate, ${coupons.refused} refused`,
        ]),
    `payments  ${payments.captured} captured, ${payments.refunded} refunded, ${payments.reissued} reissued`,
    `          ${payments.unknownResolved} unknown resolved, ${payments.voidedLate} voided late`,
    ...(gateways.length === 0 ? [] : [`          ${gateways.join(", ")}`]),
    `payable   p50 ${ms(report.saga.p50Ms)} ms, p95 ${ms(report.saga.p95Ms)} ms, p99 ${ms(report.saga.p99Ms)} ms after the order was sent`,
    ...report.restarts.map(({ recoveredMs, service }) => `kill -9   ${service}: ready again after ${recoveredMs} ms`),
    `drained   ${report.drainedMs === null ? red("never") : `${Math.round(report.drainedMs)} ms after the last arrival`}`,
    `durable   fsync ${report.durability.fsync}, synchronous_commit ${report.durability.synchronousCommit}`,
    `memory    ${Math.round(report.memoryMb)} MB at the peak (PSS), the load process apart`,
    ...cpuLine(report.cpuPerOrderMs),
    "",
    routes,
    "",
    invariantTable(report.invariants, mark),
    "",
    thresholds,
    "",
    ...[...failures(report), ...report.remarks].map((line) => red(line)),
    report.verdict === "PASS" ? green.bold("PASS") : red.bold("FAIL"),
  ];
  return lines.join("\n");
};
