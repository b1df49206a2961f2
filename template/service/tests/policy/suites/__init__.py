"""The required cases of each kind of component; a test class inherits them."""
