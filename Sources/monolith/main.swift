print("monolith")
