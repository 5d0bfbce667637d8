import { NetworkError } from "../../errors.ts";

/** The API answered, and the answer is an error. */
export class ApiStatusError extends NetworkError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
