print("deblurdiff")
