/** Every bound of the gateway. */
import { Service } from "@destiny/sdk/service";

export interface Limits {
  /** Requests that one service may have at a time, held answers (`Prefer: wait`) included; more are told 503. */
  readonly maxInFlightPerUpstream: number;
  /** Connections to one service. As many as requests: HTTP/1.1 carries one at a time, and a held answer must not hold up others. */
  readonly maxConnectionsPerUpstream: number;
  readonly connectTimeoutMillis: number;
  /** Further attempts of a request that could not be sent. */
  readonly maxConnectRetries: number;
  readonly connectRetryDelayMillis: number;
  /** How long a service may think before its answer begins, on top of what the caller offers to wait (`Prefer: wait`). */
  readonly upstreamTimeoutMillis: number;
  /** How long an answer may pause once it has begun. */
  readonly answerIdleTimeoutMillis: number;
  /** Shorter than the services keep idle connections, else a request is sent into one that is just being closed. */
  readonly keepAliveMillis: number;
  readonly maxBodyBytes: number;
  /** Of one address: so many at once, then so many a second; more are told 429. Many people may share one. */
  readonly maxRequestsAtOnce: number;
  readonly requestsPerSecond: number;
  /** Likewise of sign-up, login and renewal, each of which costs a password hash or could be a guess. */
  readonly maxLoginsAtOnce: number;
  readonly loginsPerSecond: number;
  /** Addresses that are remembered at a time. */
  readonly maxAddresses: number;
}

export const defaults: Limits = {
  maxInFlightPerUpstream: 2_000,
  maxConnectionsPerUpstream: 2_000,
  connectTimeoutMillis: 1_000,
  maxConnectRetries: 2,
  connectRetryDelayMillis: 50,
  upstreamTimeoutMillis: 15_000,
  answerIdleTimeoutMillis: 30_000,
  keepAliveMillis: 55_000,
  maxBodyBytes: Service.defaultMaxBodyBytes,
  maxRequestsAtOnce: 400,
  requestsPerSecond: 200,
  maxLoginsAtOnce: 60,
  loginsPerSecond: 1,
  maxAddresses: 100_000,
};
