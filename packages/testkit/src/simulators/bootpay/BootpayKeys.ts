/**
 * Who may ask Bootpay: the project's keys, or an access token of the older kind.
 *
 * Guarantee: a token is good for 30 minutes; during the first 25 the same one is handed out, then a new one.
 * Limits: tokens live in memory, so a restart of the simulator turns all of them away, as a revocation would.
 */
import * as Result from "effect/Result";
import { field, header, type Request } from "../VendorApi.ts";

export const tokenLifeMillis = 30 * 60_000;
export const sameTokenMillis = 25 * 60_000;

export interface Settings {
  readonly clientKey: string;
  readonly secretKey: string;
  readonly applicationId: string;
  readonly privateKey: string;
  readonly now: () => number;
  readonly token: () => string;
}

export const make = (settings: Settings) => {
  const { now } = settings;
  const basic = `Basic ${Buffer.from(`${settings.clientKey}:${settings.secretKey}`).toString("base64")}`;
  /** The newest last; those that have expired are dropped when a new one is made. */
  let tokens: ReadonlyArray<{ readonly value: string; readonly at: number }> = [];
  const live = () => tokens.filter(({ at }) => now() - at < tokenLifeMillis);

  return {
    authenticate: (request: Request): Result.Result<string, string> => {
      const authorization = header(request, "authorization");
      if (authorization === basic) return Result.succeed(settings.clientKey);
      if (authorization?.startsWith("Basic ")) return Result.fail("APP_KEY_NOT_FOUND");
      return live().some(({ value }) => authorization === `Bearer ${value}`)
        ? Result.succeed(settings.applicationId)
        : Result.fail("TOKEN_KEY_INVALID");
    },
    /** The token and the seconds that it is good for. */
    issue: (request: Request): Result.Result<{ readonly access_token: string; readonly expire_in: number }, string> => {
      if (field(request, "application_id") !== settings.applicationId) return Result.fail("APP_KEY_NOT_FOUND");
      if (field(request, "private_key") !== settings.privateKey) return Result.fail("APP_SK_NOT_MATCHED");
      const at = now();
      let newest = tokens.at(-1);
      if (newest === undefined || at - newest.at >= sameTokenMillis) {
        newest = { value: settings.token(), at };
        tokens = [...live(), newest];
      }
      return Result.succeed({
        access_token: newest.value,
        expire_in: Math.floor((newest.at + tokenLifeMillis - at) / 1_000),
      });
    },
    reset: () => {
      tokens = [];
    },
  };
};
