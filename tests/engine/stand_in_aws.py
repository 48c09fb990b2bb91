"""The stand-in AWS plugin of the sandbox, under the name that the tests on the real engine use."""

from sandbox.provider import VERSION, main

__all__ = ["VERSION", "main"]

if __name__ == "__main__":
    main()
