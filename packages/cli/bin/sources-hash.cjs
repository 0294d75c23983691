"use strict";
// The hash of everything the bundle is made of; the bootstrap requires it under any Node from 18 on.
var crypto = require("crypto");
var fs = require("fs");
var path = require("path");

var root = path.resolve(__dirname, "..");

function files(directory) {
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .sort(function (a, b) {
      return a.name < b.name ? -1 : 1;
    })
    .reduce(function (found, entry) {
      var file = path.join(directory, entry.name);
      return found.concat(entry.isDirectory() ? files(file) : [file]);
    }, []);
}

function sourcesHash() {
  var hash = crypto.createHash("sha256");
  [path.join(root, "package.json"), path.resolve(root, "../../scripts/build-cli.ts")]
    .concat(files(path.join(root, "bin")), files(path.join(root, "src")))
    .forEach(function (file) {
      hash.update(path.relative(root, file) + "\0").update(fs.readFileSync(file));
    });
  return hash.digest("hex");
}

function isBuilt() {
  try {
    return fs.readFileSync(path.join(root, "dist/bundle/stamp"), "utf8") === sourcesHash();
  } catch {
    return false;
  }
}

module.exports = { sourcesHash: sourcesHash, isBuilt: isBuilt };
