/** A real disk under a buffer that fills, fails, vanishes and comes back, under acked load. */

import assert from "node:assert/strict";

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { AckedSender } from "../soak/numbered-load.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { eventually } from "../support/eventually.ts";
import { encodeFrame, ForwardClient } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { PrivateMount, withoutMounts } from "../support/private-mount.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Lab {
  readonly mount: PrivateMount;
  /** Where file systems are mounted; the chunks are in `chunks` below it. */
  readonly disk: string;
  readonly port: number;
  readonly agent: ChildProgram;
  readonly receiver: CollectingReceiver;
  /** Status and text of a path of the health port. */
  ask(path: string): Promise<readonly [status: number, text: string]>;
  /** Goes on until so many more events were acked. */
  acked(events: number): Promise<void>;
  /** Kills the agent, and starts it again. */
  restart(prepareDisk: () => void): Promise<void>;
  /** Ends the load and waits until all that was acked is with the receiver. */
  settle(): Promise<void>;
}

/** An agent on a disk that `prepare` mounts, with `values` in its source and `bufferValues` in its buffer. */
async function lab(
  context: TestContext,
  prepare: (disk: string) => string,
  values: string,
  bufferValues = "",
): Promise<Lab> {
  const folder = temporaryFolder();
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mount = await PrivateMount.create();
  context.after(() => mount.remove());
  mount.run(prepare(disk));
  const receiver = new CollectingReceiver();
  await receiver.start();
  context.after(() => receiver.stop());
  const [port, healthPort] = [await freePort(), await freePort()];
  const config = join(folder, "agent.conf");
  writeFileSync(config, agentConfig(port, receiver.port, join(disk, "chunks"), values, bufferValues));
  const start = () => mount.startSuiro(config, { SUIRO_HEALTH_ENDPOINT: `127.0.0.1:${healthPort}` });
  let agent = await start();
  context.after(() => agent.stop("SIGKILL"));
  const sender = new AckedSender(port);
  const sending = sender.run();
  const acked = async (events: number) => {
    const target = sender.acked.size + events;
    await eventually(() => sender.acked.size >= target);
  };
  return {
    mount,
    disk,
    port,
    agent,
    receiver,
    acked,
    async restart(prepareDisk) {
      await agent.stop("SIGKILL");
      prepareDisk();
      agent = await start();
    },
    async ask(path) {
      const answer = await fetch(`http://127.0.0.1:${healthPort}${path}`);
      return [answer.status, await answer.text()];
    },
    async settle() {
      sender.end();
      await sending;
      await receiver.waitFor(() => {
        const arrived = new Set(receiver.events.map(({ record }) => Number(record.sent)));
        return [...sender.acked].every((number) => arrived.has(number));
      });
    },
  };
}

/** 8 MiB: filled in a moment. */
const tmpfs = (disk: string) => `mount -t tmpfs -o size=8m tmpfs ${disk}`;

/** A file system with a journal of its own, which turns read-only at an error. */
const ext4 = (disk: string) => `
  mount -t tmpfs tmpfs /mnt
  truncate -s 64m /mnt/image
  mkfs.ext4 -q /mnt/image
  mount -o loop,errors=remount-ro /mnt/image ${disk}`;

const LOOP = "$(losetup -n -O NAME -j /mnt/image)";

const withoutExt4: string | false =
  withoutMounts || (canMountExt4() ? false : "no ext4 can be mounted here, or it cannot be broken on purpose");

function canMountExt4(): boolean {
  const script = `${ext4("/media")}; test -w /sys/fs/ext4/$(basename ${LOOP})/trigger_fs_error; umount /media`;
  return spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-ec", script]).status === 0;
}

describe("under acked load", { concurrency: 4 }, () => {
  for (const ackAfter of ["written", "synced"]) {
    const values = `ack_after ${ackAfter}`;

    test(`${ackAfter}: a full disk refuses events, tells so, and heals by itself`, {
      skip: withoutMounts,
    }, async (context) => {
      const made = await lab(context, tmpfs, values);
      const { mount, disk, agent, receiver, acked, ask, settle } = made;
      await acked(300);
      await receiver.stop();
      mount.run(`cat /dev/zero > ${disk}/filler || true`);
      await agent.waitFor("failed to write data into buffer");
      await isTold(ask, /takes no events: .*ENOSPC/);
      mount.run(`rm ${disk}/filler`);
      await isWell(ask);
      await acked(300);
      await receiver.start();
      await settle();
    });

    test(`${ackAfter}: a disk that turns read-only lets go, and takes events again when it is mounted anew`, {
      skip: withoutExt4,
    }, async (context) => {
      const made = await lab(context, ext4, values);
      const { mount, disk, agent, receiver, acked, ask, settle } = made;
      await acked(300);
      await receiver.stop();
      await acked(300);
      mount.run(`echo 1 > /sys/fs/ext4/$(basename ${LOOP})/trigger_fs_error`);
      await agent.waitFor(/the buffer folder cannot be used: its disk is read-only/);
      await isTold(ask, /takes no events: .*read-only/);
      // Its chunks cannot be removed, but they can be read.
      await receiver.start();
      await receiver.waitFor((events) => events.length >= 600);
      await receiver.stop();
      await eventually(() => canRun(mount, `umount ${disk}`));
      mount.run(`fsck.ext4 -fp /mnt/image || test $? = 1; mount -o loop /mnt/image ${disk}`);
      await isWell(ask);
      await acked(300);
      await receiver.start();
      await settle();
    });

    test(`${ackAfter}: a buffer under a read-only mount keeps what it has, and removes later what was delivered`, {
      skip: withoutMounts,
    }, async (context) => {
      const made = await lab(context, tmpfs, values);
      const { mount, disk, agent, receiver, acked, ask, settle } = made;
      await acked(300);
      await receiver.stop();
      await acked(300);
      // Read-only before it stands in the place: there a file that is open for writing would make it busy.
      mount.run(`mkdir ${disk}/ro; mount --bind ${disk}/chunks ${disk}/ro; mount -o remount,bind,ro ${disk}/ro`);
      mount.run(`mount --move ${disk}/ro ${disk}/chunks`);
      await agent.waitFor("EROFS");
      await isTold(ask, /takes no events: .*(EROFS|read-only)/);
      await receiver.start();
      await receiver.waitFor((events) => events.length >= 600);
      await eventually(() => canRun(mount, `umount ${disk}/chunks`));
      await isWell(ask);
      await acked(300);
      await settle();
      await eventually(() => !mount.run(`ls ${disk}/chunks`).includes("buffer.q"));
    });

    test(`${ackAfter}: a folder that is removed is made again, and one that is moved away is waited for`, {
      skip: withoutMounts,
    }, async (context) => {
      const made = await lab(context, tmpfs, values);
      const { mount, disk, agent, receiver, acked, ask, settle } = made;
      await acked(300);
      await receiver.stop();
      await acked(300);
      mount.run(`rm -r ${disk}/chunks`);
      await acked(300);
      await eventually(() => canRun(mount, `ls ${disk}/chunks/buffer.journal-*`));
      mount.run(`mv ${disk}/chunks ${disk}/elsewhere`);
      await agent.waitFor(/the buffer folder cannot be used: it is elsewhere|no such file/);
      await isTold(ask, /takes no events: .*(is elsewhere|is gone|no such file)/);
      assert.ok(!canRun(mount, `ls ${disk}/chunks`));
      mount.run(`mv ${disk}/elsewhere ${disk}/chunks`);
      await isWell(ask);
      await acked(300);
      const locks = mount.run(`ls -A ${disk}/chunks`).match(/^\.buffer\.lock\..*$/gm);
      assert.equal(locks?.length, 1);
      await receiver.start();
      await settle();
    });

    test(`${ackAfter}: a disk that is unmounted under the agent is waited for, and the agent may be killed meanwhile`, {
      skip: withoutExt4,
    }, async (context) => {
      const made = await lab(context, ext4, values);
      const { mount, disk, agent, receiver, acked, settle, restart } = made;
      await acked(300);
      await receiver.stop();
      await acked(300);
      mount.run(`umount -l ${disk}`);
      await agent.waitFor(/the buffer folder cannot be used: it is elsewhere|no such file/);
      mount.run(`mount -o loop /mnt/image ${disk}`);
      await acked(300);
      mount.run(`umount -l ${disk}`);
      await restart(() => mount.run(`mount -o loop /mnt/image ${disk}`));
      await acked(300);
      await receiver.start();
      await settle();
    });
  }

  test("with overflow_action block a sender without acks waits for the disk, and loses nothing", {
    skip: withoutMounts,
  }, async (context) => {
    const made = await lab(context, tmpfs, "", "overflow_action block");
    const { mount, disk, agent, receiver, port, acked, settle } = made;
    await acked(100);
    await receiver.stop();
    mount.run(`cat /dev/zero > ${disk}/filler || true`);
    const client = await ForwardClient.open(port);
    context.after(() => client.close());
    const sent = Array.from({ length: 50 }, (_, index) => 1_000_000 + index);
    for (const number of sent) {
      const event = { seconds: 1_700_000_000, record: { sent: number, text: "x".repeat(1000) } };
      client.send(encodeFrame("PackedForward", `sent.plain.${number}`, [event]));
    }
    await agent.waitFor("failed to write data into buffer");
    mount.run(`rm ${disk}/filler`);
    await receiver.start();
    await settle();
    await receiver.waitFor((events) => {
      const arrived = new Set(events.map(({ record }) => Number(record.sent)));
      return sent.every((number) => arrived.has(number));
    });
  });
});

function canRun(mount: PrivateMount, script: string): boolean {
  try {
    mount.run(script);
    return true;
  } catch {
    return false;
  }
}

/** Waits until it is ready no more, and says why; it is alive all the same, for no restart mends it. */
async function isTold(ask: Lab["ask"], what: RegExp): Promise<void> {
  for (;;) {
    const [ready, why] = await ask("/readyz");
    const [health, text] = await ask("/healthz");
    assert.equal(health, 200);
    if (ready === 503 && what.test(why) && what.test(text)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isWell(ask: Lab["ask"]): Promise<void> {
  for (let status = 0; status !== 200; [status] = await ask("/readyz")) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function agentConfig(port: number, receiverPort: number, buffer: string, values: string, bufferValues: string): string {
  return `
    <source>
      @type forward
      port ${port}
      bind 127.0.0.1
      ${values}
    </source>
    <match sent.**>
      @type forward
      require_ack_response true
      heartbeat_type none
      <server>
        host 127.0.0.1
        port ${receiverPort}
      </server>
      <buffer tag>
        @type file
        path ${buffer}
        flush_interval 0.3
        flush_thread_interval 0.1
        chunk_limit_size 32k
        retry_wait 0.1
        retry_max_interval 0.3
        retry_forever true
        ${bufferValues}
      </buffer>
    </match>
  `.replaceAll(/^ {4}/gm, "");
}
