export async function check(_: unknown): Promise<number> {
  return 0;
}
