"""A page to type, read and copy: what it asks is answered here, by a server or in the browser."""
