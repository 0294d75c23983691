"use strict";
// Half of a heap's young generation in MB. V8 lets it grow to 64 MB when a process allocates fast, as every start does, and
// keeps it. Here, because commands are started by JavaScript that any Node from 18 on reads. The load process has its own.
module.exports = {
  // A command that becomes a supervisor lives as long as its shop, and has little to do.
  supervisorSemiSpaceMb: 8,
  // Services and simulators. Measured: at 40 orders/s 8 costs no CPU against 64 and 2 costs a tenth; at 130 orders/s 8 costs a
  // quarter of the services' CPU against 32, and 16 next to nothing.
  serviceSemiSpaceMb: 16,
  // Measured with `coupon-rush --peak 2000 --duration 15`: 99th percentile 871 and 1,054 ms with 16, 773 and 765 ms with 32, for
  // 70 MB of the shop.
  rushedSemiSpaceMb: 32,
};
