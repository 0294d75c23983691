"use strict";
// What is bundled, and whether a bundle is made of the sources as they are now. The bootstrap requires it under any Node
// from 18 on, so that a bundle is never older than what a reader of the sources sees.
var crypto = require("crypto");
var fs = require("fs");
var path = require("path");

function files(file) {
  if (!fs.statSync(file).isDirectory()) return [file];
  return fs
    .readdirSync(file)
    .sort()
    .reduce(function (found, name) {
      return found.concat(files(path.join(file, name)));
    }, []);
}

function describe(root, output, sources) {
  var directory = path.join(root, output);
  function sourcesHash() {
    var hash = crypto.createHash("sha256");
    sources.forEach(function (source) {
      files(path.join(root, source)).forEach(function (file) {
        hash.update(path.relative(root, file) + "\0").update(fs.readFileSync(file));
      });
    });
    return hash.digest("hex");
  }
  return {
    directory: directory,
    sourcesHash: sourcesHash,
    isBuilt: function () {
      try {
        return fs.readFileSync(path.join(directory, "stamp"), "utf8") === sourcesHash();
      } catch {
        return false;
      }
    },
  };
}

var root = path.resolve(__dirname, "../../..");

// What `destiny --help` and `--version` load.
var cli = describe(root, "packages/cli/dist/bundle", [
  "scripts/bundle.ts",
  "scripts/build-cli.ts",
  "packages/cli/package.json",
  "packages/cli/bin",
  "packages/cli/src",
]);

// What the supervisor starts: services.js and simulators.js. The lockfile stands for the packages bundled with them.
var shop = describe(root, "packages/services/dist/bundle", [
  "scripts/bundle.ts",
  "scripts/build-shop.ts",
  "pnpm-lock.yaml",
  "packages/sdk/package.json",
  "packages/sdk/src",
  "packages/services/package.json",
  "packages/services/src",
  "packages/testkit/package.json",
  "packages/testkit/src",
]);

module.exports = { cli: cli, shop: shop, describe: describe };
