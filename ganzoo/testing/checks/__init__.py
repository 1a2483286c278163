"""The checks. Each is a function that gets a :class:`~ganzoo.testing.lab.Lab` and raises if it finds a fault."""
