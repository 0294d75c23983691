/** `destiny open`: shows an address of the instance in the browser of whoever sits there. */
import { spawn } from "node:child_process";
import * as Effect from "effect/Effect";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import { portOf, serviceNames } from "../supervisor/Topology.ts";

/** The address of a service. */
export const address = (instance: Instance, service: string): Effect.Effect<string, CliError> => {
  const port = portOf(instance, service);
  return port === undefined
    ? Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_SERVICE",
          message: `there is no service "${service}"`,
          next: choices(service, serviceNames, "services"),
        }),
      )
    : Effect.succeed(`http://127.0.0.1:${port}`);
};

/** What shows a page here; nothing where nobody sits at a screen. */
export const opener = (platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): string | undefined => {
  if (environment["BROWSER"]) return environment["BROWSER"];
  if (platform === "darwin") return "open";
  if (environment["WSL_DISTRO_NAME"]) return "wslview";
  return environment["DISPLAY"] || environment["WAYLAND_DISPLAY"] ? "xdg-open" : undefined;
};

/** Starts it and goes on: a browser lives longer than the command. */
export const open = (command: string, url: string): Effect.Effect<void, CliError> =>
  Effect.callback((resume) => {
    const child = spawn(command, [url], { detached: true, stdio: "ignore" });
    child.once("spawn", () => {
      child.unref();
      resume(Effect.void);
    });
    child.once("error", (cause) =>
      resume(
        Effect.fail(
          new CliError({
            exit: "tool",
            code: "NO_BROWSER",
            message: `${command} cannot be started: ${cause.message}`,
            next: [`open it yourself: ${url}`, "destiny open --print only prints the address"],
            cause,
          }),
        ),
      ),
    );
  });
