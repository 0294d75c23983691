/**
 * What people read in Slack.
 *
 * Guarantee: nothing that came from outside can be taken for Slack's own markup, an e-mail address is masked, and a message is
 * at most `maxTextLength` characters long.
 */
import type { NotificationKind } from "../contracts/index.ts";

/** Slack cuts at 40,000 and shows 4,000 well. */
export const maxTextLength = 3500;

/** What people typed, in one line. */
const maxPartLength = 300;

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A text of somebody else's: one line, bounded, without a meaning to Slack. */
export const quote = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return escape(line.length > maxPartLength ? `${line.slice(0, maxPartLength - 1).toWellFormed()}…` : line);
};

export const won = (amount: number): string => `₩${amount.toLocaleString("en-US")}`;

/** `k***@shop.test` of `kim@shop.test`. */
export const masked = (email: string): string => {
  const at = email.lastIndexOf("@");
  return quote(`${email.slice(0, Math.min(1, at))}***${email.slice(at)}`);
};

/** How many digest lines are shown before the rest is only counted. */
const maxDigestLines = 20;

const countsOf = (deliveries: ReadonlyArray<{ readonly kind: NotificationKind }>): string =>
  [...Map.groupBy(deliveries, ({ kind }) => kind)].map(([kind, own]) => `${own.length} ${kind}`).join(", ");

/** One message for all that waits on a route. */
export const digest = (
  deliveries: ReadonlyArray<{ readonly kind: NotificationKind; readonly text: string }>,
): string => {
  const [first] = deliveries;
  if (first !== undefined && deliveries.length === 1) return first.text.slice(0, maxTextLength).toWellFormed();
  const head = `*${deliveries.length} notifications*`;
  const lines = [head];
  // Room for the last line is kept free.
  let left = maxTextLength - head.length - 300;
  let shown = 0;
  for (const { text } of deliveries.slice(0, maxDigestLines)) {
    const line = `• ${text}`;
    if (line.length + 1 > left) break;
    lines.push(line);
    left -= line.length + 1;
    shown += 1;
  }
  if (shown < deliveries.length)
    lines.push(`… and ${deliveries.length - shown} more: ${countsOf(deliveries.slice(shown))}`);
  return lines.join("\n");
};
