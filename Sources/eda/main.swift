print("eda")
