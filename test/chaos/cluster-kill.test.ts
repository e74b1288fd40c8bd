// limit: 900s
// Three servers, one killed every 15 s, for as long as BATON_CHAOS_KILLS says (8 when not set).
import * as assert from 'uvu/assert';
import { runOnFailingCluster } from '../support/failing-cluster.ts';
import { suite } from '../support/suite.ts';

const test = suite('chaos: a cluster whose servers are killed');

const KILLS = Number(process.env['BATON_CHAOS_KILLS'] ?? 8);
const LATEST_MS = 10_000;

test(
  'E1 documents and event log are never more than 10 s behind',
  async (context) => {
    const mongo = process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/';
    const report = await runOnFailingCluster(context, mongo, { kills: KILLS, everyMs: 15_000, downMs: 3_000 });
    console.log(`     ${JSON.stringify(report)}`);
    assert.ok(report.documentsMs <= LATEST_MS && report.logMs <= LATEST_MS, JSON.stringify(report));
  },
  { limitMs: 120_000 + KILLS * 20_000 },
);

test.run();
