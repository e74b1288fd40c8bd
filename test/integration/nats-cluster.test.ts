// limit: 300s, pair
// E1, P5 on three servers that keep three copies, one of them killed again and again.
import * as assert from 'uvu/assert';
import { runOnFailingCluster } from '../support/failing-cluster.ts';
import { suite } from '../support/suite.ts';

const test = suite('projections on a cluster');

/** The bar, and room for a machine that does other things as well. `test/chaos` holds the bar itself. */
const LATEST_MS = 20_000;

test(
  'E1 one of three servers is killed: documents and event log go on, and nothing is missing',
  async (context) => {
    const mongo = process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/';
    const run = { kills: 3, everyMs: 12_000, downMs: 3_000 };
    const report = await runOnFailingCluster(context, mongo, run);
    console.log(`     ${JSON.stringify(report)}`);
    assert.ok(report.tasks > 50, `${report.tasks} tasks`);
    assert.ok(report.documentsMs <= LATEST_MS && report.logMs <= LATEST_MS, JSON.stringify(report));
  },
  { limitMs: 240_000 },
);

test.run();
