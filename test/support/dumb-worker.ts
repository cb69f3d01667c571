/** A worker module that never says that it is ready. */
export default async function serve(): Promise<void> {
  await new Promise(() => {
    setInterval(() => {}, 60_000);
  });
}
