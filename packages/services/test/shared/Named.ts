/** Ids that a test can call by a name. */
import { createHash } from "node:crypto";

/** The UUID that is called so. */
export const uuidOf = (name: string): string => {
  const hash = createHash("sha256").update(name).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-7${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};
