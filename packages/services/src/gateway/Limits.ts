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
};
