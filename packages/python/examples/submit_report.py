"""Submits a report, follows it, cancels another one, and asks why a third one waits."""

import asyncio

import baton
from report import make_report


async def main() -> None:
    async with await baton.connect(user="alice") as client:
        report = await make_report.schedule(pages=10, options=baton.TaskOptions(task_key="sales", task_name="Sales"))
        async for event in report.events():
            print(event.status, event.progress)
        print(report.status, report.result)

        endless = await make_report.schedule(100_000, options=baton.TaskOptions(task_key="endless"))
        async for event in endless.events():
            if event.progress is not None:
                break
        await client.cancel(endless.uuid, endless.address)
        await endless.wait(timeout=30)
        print(endless.status)

        parked = await make_report.schedule(1, options=baton.TaskOptions(task_key="parked", queue="nobody-serves-it"))
        print(*(await parked.why()).text)
        await parked.cancel()


asyncio.run(main())
