// SPDX-License-Identifier: BSD-3-Clause
'use strict';

exports.host = process.env.STRATA_HOST;
exports.port = Number(process.env.STRATA_PORT);
exports.url = `redis://${exports.host}:${exports.port}`;

exports.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves when `holds` does, and fails after ten seconds.
exports.until = async (holds) => {
  const deadline = Date.now() + 10000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not: ${holds}`);
    await exports.sleep(10);
  }
};
