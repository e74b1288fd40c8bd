// One test file, one process: what it leaves behind cannot reach the next file.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patient } from './patience.mjs';

const running = new Set();

/** A test file may have started processes of its own, so the whole group goes. */
const kill = (child) => {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // the group is gone, or was never made
  }
};

export const killAll = () => {
  for (const child of running) kill(child);
};

const readReport = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // the process died before it could write, or never loaded the suite
  } finally {
    rmSync(path, { force: true });
  }
};

const reasonOf = ({ code, signal, timedOut, limitMs, report, failed }) => {
  if (timedOut) return `took over ${limitMs / 1000} s and was killed`;
  if (signal) return `was killed by ${signal}`;
  if (!report) return `left no report (exit code ${code}); is test/support/suite.ts its suite?`;
  if (report.declared === 0) return 'ran no test';
  if (failed === 0 && code !== 0) return `all tests passed, but the process ended with exit code ${code}`;
  return undefined;
};

/**
 * Runs a bundled test file to its end.
 * @returns {Promise<{ passed: number, failed: number, reason?: string, output: string, durationMs: number,
 *   failures: { title: string, reason: string }[], tests: { title: string, passed: boolean }[] }>}
 */
export const runFile = (bundle, { limitMs, env, cwd, echo = false }) =>
  new Promise((resolve) => {
    const started = performance.now();
    const reportPath = join(tmpdir(), `baton-test-${randomUUID()}.json`);
    const child = spawn(process.execPath, ['--enable-source-maps', bundle], {
      cwd,
      env: { ...process.env, ...env, BATON_TEST_REPORT: reportPath },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // its own group, see kill
    });
    running.add(child);

    let output = '';
    let timedOut = false;
    const take = (chunk) => {
      output += chunk;
      if (echo) process.stdout.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    let timer;
    const look = () => {
      const leftMs = patient(limitMs) - (performance.now() - started);
      if (leftMs > 0) {
        timer = setTimeout(look, leftMs);
        return;
      }
      timedOut = true;
      kill(child);
    };
    look();

    let ended = false;
    const end = (code, signal) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      running.delete(child);
      const report = readReport(reportPath);
      const passed = report?.passed ?? 0;
      const failed = report ? report.failed.length + report.unfinished.length : 0;
      const reason = reasonOf({ code, signal, timedOut, limitMs, report, failed });
      resolve({
        passed,
        failed: reason ? Math.max(failed, 1) : failed,
        reason,
        output,
        durationMs: performance.now() - started,
        failures: (report?.failed ?? []).map((title, index) => ({ title, reason: report.reasons[index] })),
        tests: report?.tests ?? [],
      });
    };
    child.on('error', (error) => {
      take(`${error.message}\n`);
      end(null, null);
    });
    // 'close' waits for the pipes, which a grandchild may hold: so the group is killed first, and the wait has an end.
    child.on('exit', (code, signal) => {
      kill(child);
      setTimeout(end, 500, code, signal).unref();
    });
    child.on('close', end);
  });
