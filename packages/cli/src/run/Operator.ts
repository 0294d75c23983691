/**
 * The operators' endpoints of the services, as the person at this terminal.
 *
 * Guarantee: the token is signed with the instance's own key, says MASTER and lives for a minute; its subject is the
 * account that runs the command, so the trail that the services keep names who did it. Whatever a service refuses comes
 * back as a CliError with the service's own code.
 */
import { Token } from "@destiny/sdk/http";
import { services as catalogue, tokenNames } from "@destiny/services/catalogue";
import * as contracts from "@destiny/services/contracts";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as HttpClient from "effect/http/HttpClient";
import * as HttpClientError from "effect/http/HttpClientError";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiClient from "effect/http-api/HttpApiClient";
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as Redacted from "effect/Redacted";
import type * as Schema from "effect/Schema";
import * as os from "node:os";
import { CliError, type ExitName } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import { logCommand } from "../supervisor/ServiceProcess.ts";
import { portOf } from "../supervisor/Topology.ts";

const tokenLifetimeMillis = 60_000;
const requestTimeoutMillis = 10_000;

const account = (): string => {
  try {
    return os.userInfo().username;
  } catch {
    // A container's user may have no name.
    return `uid-${process.getuid?.() ?? 0}`;
  }
};

const token = Effect.fnUntraced(function* (instance: Instance) {
  const signer = yield* Token.makeSigner({
    ...tokenNames,
    privateJwk: Redacted.make(instance.secrets.userPrivateJwk),
    accessLifetimeMillis: tokenLifetimeMillis,
  });
  return yield* signer.access({ userId: `operator:${account()}`, role: "MASTER" });
});

/** What every declared problem has. */
interface Problem {
  readonly _tag: string;
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly situation?: string;
}

type Failure = HttpClientError.HttpClientError | Schema.SchemaError | Problem;

const exits: Readonly<Record<number, ExitName>> = { 400: "usage", 404: "usage", 409: "conflict", 503: "unhealthy" };

const isProblem = (failure: Failure): failure is Problem => "code" in failure && "title" in failure;

const explain = (instance: Instance, service: string, next: ReadonlyArray<string>, failure: Failure): CliError => {
  const look = [`destiny status --instance ${instance.name}`, logCommand(service, instance.name)];
  if (isProblem(failure)) {
    const { code, detail, situation, status, title } = failure;
    return new CliError({
      exit: exits[status] ?? "unexpected",
      code,
      message: [`${service}: ${title}`, situation ?? detail].filter(Boolean).join(": "),
      next: status === 404 || status === 409 ? next : look,
    });
  }
  if (HttpClientError.isHttpClientError(failure) && failure.response === undefined) {
    return new CliError({
      exit: "unhealthy",
      code: "SERVICE_UNREACHABLE",
      message: `${service} does not answer`,
      next: look,
      cause: failure,
    });
  }
  return new CliError({
    exit: "unexpected",
    code: "UNEXPECTED_ANSWER",
    message: `${service} answered what its contract does not say: ${failure.message.split("\n")[0] ?? ""}`,
    next: look,
    cause: failure,
  });
};

const deskApi = HttpApi.make("desk").add(contracts.DeadLetters);
const orderApi = HttpApi.make("book").add(contracts.Orders);
const paymentApi = HttpApi.make("till").add(contracts.Payments);
const sagaApi = HttpApi.make("orchestrator").add(contracts.Sagas);

/** The services that keep dead letters, in the order of the catalogue. */
export const desks: ReadonlyArray<string> = (() => {
  const keeping = new Set<string>(
    Object.values<unknown>(contracts)
      .filter(HttpApi.isHttpApi)
      .filter(({ groups }) => contracts.DeadLetters.identifier in groups)
      .map(({ identifier }) => identifier),
  );
  return catalogue.map(({ name }) => name).filter((name) => keeping.has(name));
})();

/** Calls of one service with an operator's token. */
const clientOf = Effect.fnUntraced(function* <Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<string, Groups>,
  instance: Instance,
  service: string,
) {
  const signed = yield* Effect.orDie(token(instance));
  return yield* HttpApiClient.make(api, {
    baseUrl: `http://127.0.0.1:${portOf(instance, service) ?? 0}`,
    transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(Redacted.value(signed.token))),
  });
});

/** Bounds a call and puts its failure into words. */
const asked =
  (instance: Instance, service: string, next: ReadonlyArray<string>) =>
  <A>(call: Effect.Effect<A, Failure>): Effect.Effect<A, CliError> =>
    call.pipe(
      Effect.mapError((failure) => explain(instance, service, next, failure)),
      Effect.timeoutOrElse({
        duration: requestTimeoutMillis,
        orElse: () =>
          Effect.fail(
            new CliError({
              exit: "unhealthy",
              code: "SERVICE_UNREACHABLE",
              message: `${service} did not answer within ${requestTimeoutMillis} ms`,
              next: [logCommand(service, instance.name)],
            }),
          ),
      }),
    );

/** The desk of one service's dead letters. */
export const desk = (instance: Instance, service: string) =>
  Effect.map(clientOf(deskApi, instance, service), ({ deadLetters }) => {
    const call = asked(instance, service, [`destiny dlq list --service ${service} --instance ${instance.name}`]);
    return {
      list: (status: (typeof contracts.DeadLetterStatus)["Type"]) => call(deadLetters.list({ query: { status } })),
      show: (id: string) => call(deadLetters.show({ params: { id } })),
      retry: (id: string) => call(deadLetters.retry({ params: { id } })),
      drop: (id: string) => call(deadLetters.drop({ params: { id } })),
    };
  }).pipe(Effect.provide(FetchHttpClient.layer));

type SagaClient = Effect.Success<ReturnType<typeof clientOf<typeof contracts.Sagas>>>["sagas"];
type ListQuery = Parameters<SagaClient["list"]>[0]["query"];
type Operation = Pick<Parameters<SagaClient["operate"]>[0], "headers" | "params" | "payload">;

/** The orchestrator. */
export const orchestrator = (instance: Instance) =>
  Effect.map(clientOf(sagaApi, instance, "saga"), ({ sagas }) => {
    const call = asked(instance, "saga", [`destiny saga list --instance ${instance.name}`]);
    return {
      list: (query: ListQuery) => call(sagas.list({ query })),
      show: (params: Pick<Operation["params"], "definition" | "key">) => call(sagas.show({ params })),
      operate: (operation: Operation) => call(sagas.operate(operation)),
    };
  }).pipe(Effect.provide(FetchHttpClient.layer));

/** The order service. */
export const orders = (instance: Instance) =>
  Effect.map(clientOf(orderApi, instance, "order"), ({ orders: book }) => {
    const call = asked(instance, "order", [`destiny saga list --instance ${instance.name}`]);
    return { get: (id: contracts.OrderId) => call(book.get({ params: { id }, headers: {}, query: {} })) };
  }).pipe(Effect.provide(FetchHttpClient.layer));

/** The payment service. */
export const payments = (instance: Instance) =>
  Effect.map(clientOf(paymentApi, instance, "payment"), ({ payments: till }) => {
    const call = asked(instance, "payment", [`destiny saga list --instance ${instance.name}`]);
    return {
      route: (orderId: contracts.OrderId) => call(till.route({ params: { orderId } })),
      gateways: call(till.gateways()),
    };
  }).pipe(Effect.provide(FetchHttpClient.layer));
