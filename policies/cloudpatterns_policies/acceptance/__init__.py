"""The pack `acceptance`, which answers one question: would AWS accept it."""
