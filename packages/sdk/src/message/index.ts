export * as Envelope from "./Envelope.ts";
export * as Ids from "./Ids.ts";
export * as Message from "./Message.ts";
export * as Topic from "./Topic.ts";
export * as TraceContext from "./TraceContext.ts";
